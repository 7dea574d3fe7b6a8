/** The account of each rule of a security group: the flow that says what it decides counts what it decided. */
import { decodeCookie, fragmentCookie, ruleMask } from '../identifiers.js';
import { lsAclVerdict } from '../pipeline/acl.js';
import { layout } from '../pipeline/pipelines.js';
import { aclRule } from './security-group-rule.js';

/** What a flow's statistics say about a rule. */
export interface VerdictCount {
  readonly table: number;
  readonly cookie: bigint;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly durationSeconds: number;
}

/** Packets that a rule has decided on one hypervisor. */
export interface RuleCount {
  /** Number of the security group rule. */
  readonly ruleNumber: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** For how long it has been counted there. */
  readonly durationSeconds: number;
}

const table = layout.tableOf(lsAclVerdict);

/** Reads one flow of a switch as the account of a rule; null when it is none. */
function decode({ table: tableId, cookie, packets, bytes, durationSeconds }: VerdictCount): RuleCount | null {
  const owner = decodeCookie(cookie);
  if (tableId !== table || owner.kind !== 'fragment' || owner.ruleNumber !== aclRule.number) return null;
  return { ruleNumber: owner.objectNumber, packets, bytes, durationSeconds };
}

/** How the accounts of rules are read out of a switch: of one rule by its cookie, of all by what their cookies have in common. */
export const ruleReading = {
  table,
  cookieOf: (ruleNumber: number): bigint => fragmentCookie(aclRule.number, ruleNumber),
  anyCookie: { cookie: fragmentCookie(aclRule.number, 0), cookieMask: ruleMask },
  decode,
} as const;
