/**
 * What people ask of the API about who may send what, how much of it, and who gets a copy: security groups with their rules, address sets and
 * members, limits and marks, mirrors. Only what the store would let in.
 */
import { WeftError } from '../../src/base/errors.js';
import type { LogicalSwitchPort, Mirror, QosRule, SecurityGroup, SecurityGroupRule } from '../../src/model/index.js';
import { directions } from '../../src/model/index.js';
import { mirrorDirections } from '../../src/model/mirror.js';
import { checkRuleIsNew, checkRuleShape } from '../../src/model/rule-invariants.js';
import type { Draft, DraftRow } from './draft.js';

/** So many of each there are at most. */
const most = { groups: 4, sets: 2, rules: 10, limits: 6, mirrors: 4 } as const;
const tiers = 3;

type Operation = (draft: Draft) => string | null;

/** The name of what it did, null if there is nothing to do it to. */
export function operateOnPolicies(draft: Draft): string | null {
  const dice = draft.random.below(100);
  for (const [below, operate] of operations) if (dice < below) return operate(draft);
  return null;
}

/** Ids of some security groups. */
export function someGroups(draft: Draft): readonly string[] {
  return draft
    .rows('security-groups')
    .filter(() => draft.random.chance(0.6))
    .map(({ id }) => id);
}

export function someLabels({ random }: Draft): LogicalSwitchPort['labels'] {
  return { tier: `${random.below(tiers)}` };
}

/** Deletes a port, with what is about it. */
export function dropPort(draft: Draft, portId: string): void {
  for (const rule of draft.rows('qos-rules')) {
    if (rule.logicalSwitchPortId === portId) draft.drop('qos-rules', rule.id);
  }
  for (const mirror of draft.rows('mirrors')) {
    if (mirror.logicalSwitchPortId === portId || mirror.collectorPortId === portId) draft.drop('mirrors', mirror.id);
  }
  draft.drop('logical-switch-ports', portId);
}

const changeOf: Readonly<Record<'group', (draft: Draft) => Partial<SecurityGroup>>> = {
  group: ({ random }) =>
    random.chance(0.5)
      ? { isolates: random.pick([[], ['ingress'], ['egress'], directions] as const) }
      : {
          portSelector: random.chance(0.4)
            ? null
            : { matchLabels: { tier: `${random.below(tiers)}` }, matchExpressions: [] },
        },
};

const createGroup: Operation = draft => {
  if (draft.rows('security-groups').length >= most.groups) return null;
  const row: DraftRow<'security-groups'> = {
    ...draft.common(`sg${draft.random.below(100)}`),
    isolates: directions,
    portSelector: null,
    logDenied: false,
    ...changeOf.group(draft),
  };
  draft.put('security-groups', row);
  // A group without a rule denies everything: most come with some.
  if (draft.random.chance(0.8)) createRuleOf(draft, row.id);
  return 'create security group';
};

const changeGroup: Operation = draft => {
  const row = draft.pick(draft.rows('security-groups'));
  if (row === null) return null;
  draft.put('security-groups', { ...row, ...changeOf.group(draft) });
  return 'change security group';
};

const deleteGroup: Operation = draft => {
  const row = draft.pick(draft.rows('security-groups'));
  if (row === null) return null;
  for (const rule of draft.rows('security-group-rules')) {
    if (rule.securityGroupId === row.id || rule.remoteGroupId === row.id) draft.drop('security-group-rules', rule.id);
  }
  for (const port of draft.rows('logical-switch-ports')) {
    if (!port.securityGroups.includes(row.id)) continue;
    draft.put('logical-switch-ports', { ...port, securityGroups: port.securityGroups.filter(id => id !== row.id) });
  }
  draft.drop('security-groups', row.id);
  return 'delete security group';
};

/** Who is on the other side; null as the last of the three alternatives. */
function remoteOf(draft: Draft): Pick<SecurityGroupRule, 'remoteCidr' | 'remoteGroupId' | 'remoteAddressSetId'> {
  const { random } = draft;
  const nobody = { remoteCidr: null, remoteGroupId: null, remoteAddressSetId: null };
  const dice = random.below(10);
  if (dice < 2) return { ...nobody, remoteGroupId: draft.pick(draft.rows('security-groups'))?.id ?? null };
  if (dice < 4) return { ...nobody, remoteAddressSetId: draft.pick(draft.rows('address-sets'))?.id ?? null };
  if (dice < 6) return { ...nobody, remoteCidr: someNetwork(draft) };
  return nobody;
}

function someNetwork(draft: Draft): string {
  const subnet = draft.pick(draft.rows('subnets'));
  return draft.random.pick(['10.0.0.0/8', '0.0.0.0/0', '::/0', subnet?.cidr ?? 'fd00::/16']);
}

/** Few ports, so that rules are rivals. */
function serviceOf({ random }: Draft): Pick<SecurityGroupRule, 'protocol' | 'portMin' | 'portMax'> {
  const protocol = random.pick([null, 'udp', 'udp', 'tcp']);
  if (protocol === null || random.chance(0.4)) return { protocol, portMin: null, portMax: null };
  const portMin = 7_000 + random.below(3);
  return { protocol, portMin, portMax: portMin + random.below(3) };
}

function isLetIn(draft: Draft, row: DraftRow<'security-group-rules'>): boolean {
  const siblings = draft.rows('security-group-rules').filter(rule => rule.securityGroupId === row.securityGroupId);
  try {
    checkRuleShape(row);
    checkRuleIsNew(row, siblings);
    return true;
  } catch (error) {
    if (error instanceof WeftError) return false;
    throw error;
  }
}

function createRuleOf(draft: Draft, securityGroupId: string): string | null {
  const { random } = draft;
  const row: DraftRow<'security-group-rules'> = {
    ...draft.common(''),
    securityGroupId,
    direction: random.pick(directions),
    ethertype: random.pick([null, null, 'ipv4', 'ipv6']),
    ...serviceOf(draft),
    icmpType: null,
    icmpCode: null,
    ...remoteOf(draft),
    action: random.pick(['allow', 'allow', 'allow', 'drop', 'reject']),
    priority: random.pick([1_000, 1_000, 0, 2_000]),
    stateless: random.chance(0.15),
    log: false,
  };
  if (!isLetIn(draft, row)) return null;
  draft.put('security-group-rules', row);
  return 'create security group rule';
}

const createRule: Operation = draft => {
  const group = draft.pick(draft.rows('security-groups'));
  if (group === null || draft.rows('security-group-rules').length >= most.rules) return null;
  return createRuleOf(draft, group.id);
};

const changeRule: Operation = draft => {
  const row = draft.pick(draft.rows('security-group-rules'));
  if (row === null) return null;
  const change = draft.random.pick([
    (): Partial<SecurityGroupRule> => ({ action: row.action === 'allow' ? 'drop' : 'allow' }),
    (): Partial<SecurityGroupRule> => ({ priority: 500 * draft.random.below(5) }),
    (): Partial<SecurityGroupRule> => ({ direction: row.direction === 'ingress' ? 'egress' : 'ingress' }),
    (): Partial<SecurityGroupRule> => ({ stateless: !row.stateless }),
    () => serviceOf(draft),
    () => remoteOf(draft),
  ]);
  const changed = { ...row, ...change() };
  if (!isLetIn(draft, changed)) return null;
  draft.put('security-group-rules', changed);
  return 'change security group rule';
};

const deleteRule: Operation = draft => {
  const row = draft.pick(draft.rows('security-group-rules'));
  if (row === null) return null;
  draft.drop('security-group-rules', row.id);
  return 'delete security group rule';
};

function someAddresses(draft: Draft): readonly string[] {
  const owned = draft.rows('logical-switch-ports').flatMap(port => port.ips.map(({ ip }) => ip));
  const networks = draft.rows('subnets').map(({ cidr }) => cidr);
  return [...owned, ...networks].filter(() => draft.random.chance(0.3));
}

const createSet: Operation = draft => {
  if (draft.rows('address-sets').length >= most.sets) return null;
  draft.put('address-sets', { ...draft.common(`as${draft.random.below(100)}`), addresses: someAddresses(draft) });
  return 'create address set';
};

const changeSet: Operation = draft => {
  const row = draft.pick(draft.rows('address-sets'));
  if (row === null) return null;
  draft.put('address-sets', { ...row, addresses: someAddresses(draft) });
  return 'change address set';
};

const deleteSet: Operation = draft => {
  const row = draft.pick(draft.rows('address-sets'));
  if (row === null || draft.rows('security-group-rules').some(rule => rule.remoteAddressSetId === row.id)) return null;
  draft.drop('address-sets', row.id);
  return 'delete address set';
};

const joinOrLeave: Operation = draft => {
  const row = draft.pick(draft.rows('logical-switch-ports'));
  if (row === null) return null;
  const isById = draft.random.chance(0.6);
  const change = isById ? { securityGroups: someGroups(draft) } : { labels: someLabels(draft) };
  draft.put('logical-switch-ports', { ...row, ...change });
  return isById ? 'change groups of a port' : 'change labels of a port';
};

type Amounts = Pick<
  QosRule,
  'kind' | 'direction' | 'maxKbps' | 'maxBurstKbps' | 'maxKpps' | 'maxBurstKpps' | 'dscpMark' | 'minKbps'
>;

function amountsOf({ random }: Draft, kind: QosRule['kind']): Partial<Amounts> {
  switch (kind) {
    case 'bandwidth_limit':
      return { maxKbps: 1_000 * (1 + random.below(5)), maxBurstKbps: random.chance(0.5) ? null : 500 };
    case 'packet_rate_limit':
      return { maxKpps: 1 + random.below(5) };
    case 'dscp_marking':
      return { dscpMark: random.below(64) };
    case 'minimum_bandwidth':
      return { minKbps: 1_000 * (1 + random.below(5)) };
  }
}

const createLimit: Operation = draft => {
  const { random } = draft;
  if (draft.rows('qos-rules').length >= most.limits) return null;
  const [port, logicalSwitch] = [
    draft.pick(draft.rows('logical-switch-ports')),
    draft.pick(draft.rows('logical-switches')),
  ];
  const isOfPort = random.chance(0.7);
  const about = {
    logicalSwitchPortId: isOfPort ? (port?.id ?? null) : null,
    logicalSwitchId: isOfPort ? null : (logicalSwitch?.id ?? null),
  };
  if (about.logicalSwitchPortId === null && about.logicalSwitchId === null) return null;
  const kind = random.pick(['bandwidth_limit', 'minimum_bandwidth', 'packet_rate_limit', 'dscp_marking'] as const);
  const direction = kind === 'dscp_marking' || random.chance(0.5) ? 'egress' : 'ingress';
  const isTaken = draft
    .rows('qos-rules')
    .some(
      rule =>
        rule.kind === kind &&
        rule.direction === direction &&
        rule.logicalSwitchPortId === about.logicalSwitchPortId &&
        rule.logicalSwitchId === about.logicalSwitchId,
    );
  if (isTaken) return null;
  const nothing = {
    maxKbps: null,
    maxBurstKbps: null,
    maxKpps: null,
    maxBurstKpps: null,
    dscpMark: null,
    minKbps: null,
  };
  draft.put('qos-rules', { ...draft.common(''), ...about, kind, direction, ...nothing, ...amountsOf(draft, kind) });
  return 'create QoS rule';
};

const changeLimit: Operation = draft => {
  const row = draft.pick(draft.rows('qos-rules'));
  if (row === null) return null;
  draft.put('qos-rules', { ...row, ...amountsOf(draft, row.kind) });
  return 'change QoS rule';
};

const deleteLimit: Operation = draft => {
  const row = draft.pick(draft.rows('qos-rules'));
  if (row === null) return null;
  draft.drop('qos-rules', row.id);
  return 'delete QoS rule';
};

function targetOf(draft: Draft, source: string): Pick<Mirror, 'kind' | 'collectorPortId' | 'remoteIp' | 'key'> | null {
  const { random } = draft;
  if (random.chance(0.4)) {
    const kind = random.pick(['gre', 'erspan'] as const);
    return { kind, collectorPortId: null, remoteIp: `192.0.2.${200 + random.below(5)}`, key: random.below(1_000) };
  }
  const collector = draft.pick(draft.rows('logical-switch-ports').filter(({ id }) => id !== source));
  return collector === null ? null : { kind: 'local', collectorPortId: collector.id, remoteIp: null, key: 0 };
}

const createMirror: Operation = draft => {
  const source = draft.pick(draft.rows('logical-switch-ports'));
  if (source === null || draft.rows('mirrors').length >= most.mirrors) return null;
  const target = targetOf(draft, source.id);
  if (target === null) return null;
  const common = draft.common('');
  const direction = draft.random.pick(mirrorDirections);
  draft.put('mirrors', { ...common, logicalSwitchPortId: source.id, direction, ...target, datapathKey: common.number });
  return 'create mirror';
};

const changeMirror: Operation = draft => {
  const row = draft.pick(draft.rows('mirrors'));
  const target = row === null ? null : targetOf(draft, row.logicalSwitchPortId);
  if (row === null || target === null) return null;
  const change = draft.random.chance(0.5) ? target : { direction: draft.random.pick(mirrorDirections) };
  draft.put('mirrors', { ...row, ...change });
  return 'change mirror';
};

const deleteMirror: Operation = draft => {
  const row = draft.pick(draft.rows('mirrors'));
  if (row === null) return null;
  draft.drop('mirrors', row.id);
  return 'delete mirror';
};

/** Each with the percentage below which the dice of one that does it lies. */
const operations: readonly (readonly [number, Operation])[] = [
  [12, createGroup],
  [18, changeGroup],
  [21, deleteGroup],
  [37, createRule],
  [46, changeRule],
  [52, deleteRule],
  [56, createSet],
  [61, changeSet],
  [63, deleteSet],
  [77, joinOrLeave],
  [84, createLimit],
  [88, changeLimit],
  [90, deleteLimit],
  [96, createMirror],
  [98, changeMirror],
  [100, deleteMirror],
];
