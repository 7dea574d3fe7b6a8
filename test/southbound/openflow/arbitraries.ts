/**
 * Random matches, actions and instructions in which no property has its default value. The kinds are a table that the
 * compiler checks: an action that is added without its generator does not build.
 */
import fc from 'fast-check';
import type { Action, ActionKind, ActionOf, LearnSpec } from '../../../southbound/openflow/action.js';
import { BundleAlgorithm, HashFields, MultipathAlgorithm } from '../../../southbound/openflow/action.js';
import { note, Port, setField } from '../../../southbound/openflow/actions.js';
import { matchField } from '../../../southbound/openflow/match.js';
import type { Match, MatchField, OxmField, Subfield } from '../../../southbound/openflow/oxm.js';
import { oxm, oxmFields } from '../../../southbound/openflow/oxm.js';

export const positive = (maximum: number) => fc.integer({ min: 1, max: maximum });
const id32 = positive(0xffff_fe00);
const port = fc.oneof(positive(0xfe00), fc.constantFrom(Port.local, Port.inPort));
const names = <N extends string>(table: Readonly<Record<N, number>>) => fc.constantFrom(...(Object.keys(table) as N[]));

/** A value of the field that is not zero. */
export function fieldValue(field: OxmField): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 1n, max: field.allBits });
}

/** A value and a mask that is neither empty nor full. */
function maskedValue(field: OxmField): fc.Arbitrary<{ value: bigint; mask: bigint }> {
  if (field.allBits === 1n) return fc.constant({ value: 1n, mask: 1n });
  return fc
    .tuple(fc.bigInt({ min: 1n, max: field.allBits - 1n }), fieldValue(field))
    .map(([mask, value]) => ({ mask, value: value & mask }));
}

export function exactField(field: OxmField): fc.Arbitrary<MatchField> {
  return fieldValue(field).map(value => matchField(field, value));
}

export function maskedField(field: OxmField): fc.Arbitrary<MatchField> {
  return maskedValue(field).map(({ value, mask }) => matchField(field, value, mask));
}

export function anyField(field: OxmField): fc.Arbitrary<MatchField> {
  return field.maskable ? fc.oneof(exactField(field), maskedField(field)) : exactField(field);
}

export function subfieldOf(fields: readonly OxmField[], bits?: number): fc.Arbitrary<Subfield> {
  const wide = fields.filter(field => field.bits >= (bits ?? 1));
  return fc
    .constantFrom(...wide)
    .chain(field =>
      (bits === undefined ? positive(Math.min(field.bits, 64)) : fc.constant(bits)).chain(width =>
        fc.nat(Math.min(field.bits - width, 0x3ff)).map(offset => ({ field, offset, bits: width })),
      ),
    );
}

function constantFor({ bits }: Subfield): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 1n, max: (1n << BigInt(bits)) - 1n });
}

function learnSpec(fields: readonly OxmField[]): fc.Arbitrary<LearnSpec> {
  const assignment = (kind: 'match' | 'load') =>
    subfieldOf(fields).chain(destination =>
      fc
        .oneof(constantFor(destination), subfieldOf(fields, destination.bits))
        .map((source): LearnSpec => ({ kind, destination, source })),
    );
  const output = subfieldOf(fields, 16).map((source): LearnSpec => ({ kind: 'output', source }));
  return fc.oneof(assignment('match'), assignment('load'), output);
}

export type ActionArbitraries = { readonly [K in ActionKind]: fc.Arbitrary<ActionOf<K>> };

function kindOf<K extends ActionKind>(
  kind: K,
  properties: { readonly [P in Exclude<keyof ActionOf<K>, 'kind'>]-?: fc.Arbitrary<ActionOf<K>[P]> },
): fc.Arbitrary<ActionOf<K>> {
  const record = fc.record(properties as Record<string, fc.Arbitrary<unknown>>, { noNullPrototype: true });
  return record.map(value => ({ kind, ...value }) as unknown as ActionOf<K>);
}

function natAddresses(family: 4 | 6) {
  const top = family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
  return fc
    .tuple(fc.bigInt({ min: 1n, max: top }), fc.bigInt({ min: 1n, max: top }))
    .map(([a, b]) => ({ family, first: a < b ? a : b, last: a < b ? b : a }));
}

const natPorts = fc
  .tuple(positive(0xffff), positive(0xffff))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));

function natOf(addresses: fc.Arbitrary<ActionOf<'nat'>['addresses']>): fc.Arbitrary<ActionOf<'nat'>> {
  return kindOf('nat', {
    direction: fc.constantFrom('source', 'destination'),
    persistent: fc.constant(true),
    selection: fc.constantFrom('hash', 'random'),
    addresses,
    ports: natPorts,
  });
}

export interface ActionFields {
  /** Fields that set_field may write. */
  readonly settable: readonly OxmField[];
  /** Fields of which bits may be read and written. */
  readonly places: readonly OxmField[];
  /** The family of the packets to which the actions apply. */
  readonly family: 4 | 6;
}

/** Fields that every packet has: registers and what else is writable with no condition. */
export const freeFields = oxmFields.filter(
  field =>
    field.prerequisite === 'none' &&
    field.writable &&
    !field.variable &&
    field.codePoints.every(code => code.experimenter === null) &&
    ![oxm.inPort, oxm.inPort16, oxm.ctMark, oxm.ctLabel].includes(field),
);

export function settingOf(fields: readonly OxmField[]): fc.Arbitrary<ActionOf<'setField'>> {
  return fc
    .constantFrom(...fields)
    .chain(anyField)
    .map(({ field, value, mask }) => setField(field, value, mask));
}

/** One generator a kind. `nested` makes the actions inside clone. */
export function actionArbitraries(fields: ActionFields, nested: fc.Arbitrary<Action>): ActionArbitraries {
  const { settable, places, family } = fields;
  const place = subfieldOf(places);
  const move = subfieldOf(places).chain(source =>
    subfieldOf(places, source.bits).map((destination): ActionOf<'move'> => ({ kind: 'move', source, destination })),
  );
  const nat = natOf(natAddresses(family));
  const commitActions = fc.tuple(nat, settingOf([oxm.ctMark]), settingOf([oxm.ctLabel]));
  const members = fc.array(positive(0xfe00), { minLength: 1, maxLength: 9 });
  const hash = { fields: names(HashFields), basis: positive(0xffff) };
  const bundle = { ...hash, algorithm: names(BundleAlgorithm), members };
  return {
    output: fc.oneof(
      kindOf('output', { port, maxLength: fc.constant(0) }),
      kindOf('output', { port: fc.constant(Port.controller), maxLength: positive(0xffff) }),
    ),
    outputRegister: kindOf('outputRegister', { source: subfieldOf(places, 16), maxLength: fc.constant(0xffff) }),
    outputTruncated: kindOf('outputTruncated', { port, maxLength: fc.integer({ min: 14, max: 0xffff_ffff }) }),
    group: kindOf('group', { groupId: id32 }),
    setQueue: kindOf('setQueue', { queueId: id32 }),
    popQueue: kindOf('popQueue', {}),
    meter: kindOf('meter', { meterId: positive(0xffff) }),
    setField: settingOf(settable),
    move,
    pushVlan: kindOf('pushVlan', { ethertype: fc.constantFrom(0x8100, 0x88a8) }),
    popVlan: kindOf('popVlan', {}),
    pushMpls: kindOf('pushMpls', { ethertype: fc.constantFrom(0x8847, 0x8848) }),
    popMpls: kindOf('popMpls', { ethertype: fc.constantFrom(0x0800, 0x86dd) }),
    setMplsTtl: kindOf('setMplsTtl', { ttl: positive(0xff) }),
    decMplsTtl: kindOf('decMplsTtl', {}),
    setIpTtl: kindOf('setIpTtl', { ttl: positive(0xff) }),
    decTtl: kindOf('decTtl', {}),
    decTtlControllerIds: kindOf('decTtlControllerIds', {
      controllerIds: fc.array(positive(0xffff), { minLength: 1, maxLength: 9 }),
    }),
    resubmit: kindOf('resubmit', {
      table: fc.oneof(positive(0xfe), fc.constant(0)),
      port,
      conntrackTuple: fc.boolean(),
    }),
    note: fc.uint8Array({ minLength: 1, maxLength: 30, min: 1 }).map(note),
    multipath: kindOf('multipath', {
      ...hash,
      algorithm: names(MultipathAlgorithm),
      links: fc.integer({ min: 2, max: 0x8000 }),
      argument: id32,
      destination: subfieldOf(places, 16),
    }),
    bundle: kindOf('bundle', bundle),
    bundleLoad: kindOf('bundleLoad', { ...bundle, destination: subfieldOf(places, 16) }),
    learn: kindOf('learn', {
      table: positive(0xfe),
      priority: positive(0x7fff),
      cookie: fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn }),
      idleTimeout: positive(0xffff),
      hardTimeout: positive(0xffff),
      finIdleTimeout: positive(0xffff),
      finHardTimeout: positive(0xffff),
      sendFlowRemoved: fc.constant(true),
      deleteLearned: fc.constant(true),
      limit: id32,
      resultDestination: subfieldOf(places, 1),
      specs: fc.array(learnSpec(places), { minLength: 1, maxLength: 9 }),
    }),
    exit: kindOf('exit', {}),
    finTimeout: kindOf('finTimeout', { idleTimeout: positive(0xffff), hardTimeout: positive(0xffff) }),
    controller: kindOf('controller', {
      maxLength: positive(0xfffe),
      controllerId: positive(0xffff),
      reason: fc.constantFrom(0, 2, 3, 4, 5),
      userdata: fc.uint8Array({ minLength: 1, maxLength: 30 }),
      meterId: positive(0xffff),
      pause: fc.constant(true),
    }),
    stackPush: kindOf('stackPush', { source: place }),
    stackPop: kindOf('stackPop', { destination: place }),
    sample: kindOf('sample', {
      probability: positive(0xffff),
      collectorSetId: id32,
      observationDomainId: id32,
      observationPointId: id32,
      samplingPort: port,
      direction: fc.constantFrom('ingress', 'egress'),
    }),
    conjunction: fc.integer({ min: 2, max: 64 }).chain(clauses =>
      kindOf('conjunction', {
        id: positive(0xffff_ffff),
        clause: fc.nat(clauses - 1),
        clauses: fc.constant(clauses),
      }),
    ),
    ct: kindOf('ct', {
      commit: fc.constant(true),
      force: fc.constant(true),
      zone: fc.oneof(positive(0xffff), subfieldOf(places, 16)),
      table: fc.oneof(positive(0xfe), fc.constant(0)),
      alg: fc.constantFrom(21, 69),
      actions: commitActions,
    }),
    nat,
    ctClear: kindOf('ctClear', {}),
    clone: kindOf('clone', { actions: fc.array(nested, { minLength: 1, maxLength: 3 }) }),
    checkPacketLarger: kindOf('checkPacketLarger', {
      length: positive(0xffff),
      destination: subfieldOf(places, 1),
    }),
    deleteField: kindOf('deleteField', { field: fc.constantFrom(oxm.tunMetadata0, oxm.tunMetadata63) }),
    unknown: kindOf('unknown', {
      type: fc.constantFrom(77, 0xffff),
      bytes: fc.uint8Array({ minLength: 12, maxLength: 12, min: 1 }),
    }),
  };
}

export const anywhere = fc.constantFrom(...oxmFields.filter(field => field.known)).chain(anyField);

/** Any set of fields, each once, whether it makes sense together or not. */
export const anyMatch: fc.Arbitrary<Match> = fc
  .uniqueArray(fc.constantFrom(...oxmFields.filter(field => field !== oxm.packetType)), { maxLength: 12 })
  .filter(fields => !overlapping(fields))
  .chain(fields => fc.tuple(...fields.map(anyField)));

/** Fields that share bits with others would contradict each other. */
function overlapping(fields: readonly OxmField[]): boolean {
  const groups = [/reg\d/, /vlan/, /in_port/, /^(?:nw_tos|ip_dscp)$/];
  return groups.some(group => fields.filter(({ name }) => group.test(name)).length > 1);
}

const simple = fc.constantFrom<Action>(
  { kind: 'output', port: 7, maxLength: 0 },
  { kind: 'group', groupId: 8 },
  { kind: 'popQueue' },
);

/** Everything goes: fields of any protocol, experimenters' fields, tunnel options. */
export const unrestricted = actionArbitraries(
  {
    settable: oxmFields.filter(field => field.allBits === (1n << BigInt(field.bits)) - 1n),
    places: oxmFields.filter(field => field.codePoints.every(code => code.experimenter === null)),
    family: 6,
  },
  simple,
);
