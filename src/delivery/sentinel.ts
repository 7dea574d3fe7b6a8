/**
 * The sentinel: one flow that says what a switch holds. Every bundle ends by replacing it, so flows and sentinel agree
 * by construction, and reading it after a reconnect tells whether anything has to be sent.
 *
 *   cookie   0x5f | revision (32) | check of that revision (24)
 *   note     'W' 'f' | version | flags | database id (16) | digest (8) | bundle number (4) | build (text)
 *
 * The digest is the sum over all fragments on the switch (meters included); it is what decides whether anything is
 * missing. It does not count in revisions, so it holds over a restored database and over a new build of the compiler
 * that compiles this hypervisor to the same bytes. "On the way" says that the flows are between two revisions.
 */
import type { Flow } from '../compiler/fragment.js';
import { decodeCookie, sentinelCookie } from '../compiler/identifiers.js';
import { note } from '../../southbound/openflow/actions.js';
import type { Instruction } from '../../southbound/openflow/instructions.js';

/** A table that the pipeline does not use; no packet ever gets there. */
export const sentinelTable = 253;

/** 'W', 'f' and the version of the note's form: how it begins. */
export const sentinelMagic: Uint8Array = Uint8Array.of(0x57, 0x66, 1);
const onTheWayFlag = 1;
const fixedBytes = 32;

export interface Sentinel {
  readonly revision: number;
  /** Random number of the revision (24 bits), from the store. */
  readonly check: number;
  /** UUID of the database, in canonical form. */
  readonly databaseId: string;
  /** Build of the compiler, for people who look at the flow. */
  readonly build: string;
  readonly digest: bigint;
  readonly isOnTheWay: boolean;
  /** Counts the bundles of this connection, so that a cut connection can tell which was the last to be committed. */
  readonly bundleNumber: number;
}

/** The flow that carries the sentinel, with its cookie. */
export function sentinelFlow(sentinel: Sentinel): { readonly flow: Flow; readonly cookie: bigint } {
  const build = new TextEncoder().encode(sentinel.build).subarray(0, 64);
  const bytes = Buffer.alloc(fixedBytes + build.length);
  bytes.set(sentinelMagic);
  bytes.set(Buffer.from(sentinel.databaseId.replaceAll('-', ''), 'hex').subarray(0, 16), 4);
  bytes.set(build, fixedBytes);
  writeSentinelNumbers(bytes, 0, sentinel);
  return {
    flow: { table: sentinelTable, priority: 0, match: [], actions: [note(bytes)] },
    cookie: sentinelCookie(sentinel.revision, sentinel.check),
  };
}

/** Writes what changes from bundle to bundle into the note that begins at `at`. */
export function writeSentinelNumbers(bytes: Buffer, at: number, sentinel: Sentinel): void {
  bytes.writeUInt8(sentinel.isOnTheWay ? onTheWayFlag : 0, at + 3);
  bytes.writeBigUInt64BE(sentinel.digest, at + 20);
  bytes.writeUInt32BE(sentinel.bundleNumber >>> 0, at + 28);
}

/** What a dumped flow of the sentinel table says; null when it is not a sentinel of a form that we know. */
export function readSentinel(cookie: bigint, instructions: readonly Instruction[]): Sentinel | null {
  const parts = decodeCookie(cookie);
  const [instruction] = instructions;
  const action = instruction?.kind === 'applyActions' ? instruction.actions[0] : undefined;
  if (parts.kind !== 'sentinel' || action?.kind !== 'note') return null;
  const bytes = Buffer.from(action.bytes.buffer, action.bytes.byteOffset, action.bytes.length);
  if (bytes.length < fixedBytes || bytes.indexOf(sentinelMagic) !== 0) return null;
  const id = bytes.toString('hex', 4, 20);
  return {
    revision: parts.revision,
    check: parts.check,
    databaseId: [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-'),
    build: bytes.toString('utf8', fixedBytes).replace(/\0+$/, ''),
    digest: bytes.readBigUInt64BE(20),
    isOnTheWay: (bytes.readUInt8(3) & onTheWayFlag) !== 0,
    bundleNumber: bytes.readUInt32BE(28),
  };
}
