/** Open vSwitch's own actions on the wire. Source: nicira-ext and ovs-actions(7). */
import type { Codec, Infer } from '../wire/codec.js';
import { constant, mapped, padding, restBytes, u16, u32, u8 } from '../wire/codec.js';
import { struct } from '../wire/struct.js';
import { tlv, tlvCase } from '../wire/tlv.js';
import { WireError } from '../wire/wire-error.js';
import type { Action } from './action.js';
import { BundleAlgorithm, HashFields, MultipathAlgorithm } from './action.js';
import type { ActionBody } from './action-form.js';
import { emptyBody, nicira, packRange, port16, readSubfield, seenAs, unpackRange } from './action-form.js';
import { PacketInReason, Port, WHOLE_PACKET } from './actions.js';
import { conntrackBody, natCodec } from './conntrack-codec.js';
import { learn2Codec, learnCodec } from './learn-codec.js';
import { niciraField, shortField } from './match-codec.js';
import type { OxmField, Subfield } from './oxm.js';
import { oxm, preferredCodePoint } from './oxm.js';

/** A number that must be one of the names. */
function nameOf<const N extends Readonly<Record<string, number>>>(names: N): Codec<keyof N & string> {
  const byNumber = new Map(Object.entries(names).map(([name, number]) => [number, name as keyof N & string]));
  const known = Object.keys(names).join(', ');
  return seenAs(
    u16,
    (number, at) => {
      const name = byNumber.get(number);
      if (name === undefined) throw new WireError('bad_value', `${number} is none of ${known}`, at);
      return name;
    },
    (name, at) => {
      const number = names[name];
      if (number === undefined) throw new WireError('out_of_range', `${name} is none of ${known}`, at);
      return number;
    },
  );
}

const hashFields = nameOf(HashFields);
const bundleAlgorithm = nameOf(BundleAlgorithm);

function named(field: OxmField | null, at: number): OxmField {
  if (field === null) throw new WireError('bad_value', 'no field where one is needed', at);
  return field;
}

const resubmit: Codec<ActionBody<'resubmit'>> = mapped(
  struct({ port: port16, table: u8, gap: padding(3) }),
  ({ port, table }) => ({ port, table: table === 0xff ? null : table, conntrackTuple: false }),
  ({ port, table }) => ({ port, table: table ?? 0xff }),
);
const resubmitConntrack: Codec<ActionBody<'resubmit'>> = mapped(
  resubmit,
  value => ({ ...value, conntrackTuple: true }),
  value => value,
);
/** The oldest form, which has a port only. */
const resubmitPort: Codec<ActionBody<'resubmit'>> = mapped(
  struct({ port: port16 }),
  ({ port }) => ({ port, table: null, conntrackTuple: false }),
  value => value,
);

const outputRegister: Codec<ActionBody<'outputRegister'>> = seenAs(
  struct({ range: u16, field: shortField, maxLength: u16, gap: padding(6) }),
  ({ range, field, maxLength }, at) => ({ source: unpackRange(named(field, at), range, at), maxLength }),
  ({ source, maxLength }, at) => ({ range: packRange(source, at), field: source.field, maxLength }),
);
/** The form that has room for an experimenter's field. */
const outputRegister2: Codec<ActionBody<'outputRegister'>> = seenAs(
  struct({ range: u16, maxLength: u16, field: niciraField }),
  ({ range, field, maxLength }, at) => ({ source: unpackRange(field, range, at), maxLength }),
  ({ source, maxLength }, at) => ({ range: packRange(source, at), field: source.field, maxLength }),
);

const multipath: Codec<ActionBody<'multipath'>> = seenAs(
  struct({
    fields: hashFields,
    basis: u16,
    gap: padding(2),
    algorithm: nameOf(MultipathAlgorithm),
    lastLink: u16,
    argument: u32,
    gap2: padding(2),
    range: u16,
    field: shortField,
  }),
  ({ lastLink, range, field, ...rest }, at) => ({
    ...rest,
    links: lastLink + 1,
    destination: unpackRange(named(field, at), range, at),
  }),
  ({ links, destination, ...rest }, at) => ({
    ...rest,
    lastLink: links - 1,
    range: packRange(destination, at),
    field: destination.field,
  }),
);

interface BundleWire extends ActionBody<'bundle'> {
  readonly destination: Subfield | null;
}

const bundleHead = struct({
  algorithm: bundleAlgorithm,
  fields: hashFields,
  basis: u16,
  memberType: shortField,
  count: u16,
  range: u16,
  field: shortField,
  gap: padding(4),
});

const bundleWire: Codec<BundleWire> = {
  minimumBytes: bundleHead.minimumBytes,
  encode: (writer, { algorithm, fields, basis, members, destination }) => {
    const at = writer.offset;
    const range = destination === null ? 0 : packRange(destination, at);
    const place = { range, field: destination?.field ?? null };
    bundleHead.encode(writer, { algorithm, fields, basis, memberType: oxm.inPort16, count: members.length, ...place });
    for (const member of members) port16.encode(writer, member);
  },
  decode: reader => {
    const at = reader.offset;
    const { algorithm, fields, basis, memberType, count, range, field } = bundleHead.decode(reader);
    if (memberType !== oxm.inPort16) throw new WireError('bad_value', 'bundle of other things than ports', at);
    const list = reader.within(count * 2);
    const members = Array.from({ length: count }, () => port16.decode(list));
    return { algorithm, fields, basis, members, destination: field === null ? null : unpackRange(field, range, at) };
  },
};

const bundle: Codec<ActionBody<'bundle'>> = mapped(
  bundleWire,
  ({ destination: _unused, ...rest }) => rest,
  value => ({ ...value, destination: null }),
);
const bundleLoad: Codec<ActionBody<'bundleLoad'>> = seenAs(
  bundleWire,
  ({ destination, ...rest }, at) => {
    if (destination === null) throw new WireError('bad_value', 'bundle_load into no field', at);
    return { ...rest, destination };
  },
  value => value,
);

const controller: Codec<ActionBody<'controller'>> = mapped(
  struct({ maxLength: u16, controllerId: u16, reason: u8 }),
  value => ({ ...value, userdata: null, meterId: null, pause: false }),
  value => value,
);

const ControllerProperty = tlv({
  maxLength: tlvCase(0, struct({ value: u16, gap: padding(2) })),
  controllerId: tlvCase(1, struct({ value: u16, gap: padding(2) })),
  reason: tlvCase(2, struct({ value: u8 })),
  userdata: tlvCase(3, struct({ value: restBytes })),
  pause: tlvCase(4, constant({ value: true as const })),
  meterId: tlvCase(5, struct({ value: u32 })),
});

const controllerDefaults: ActionBody<'controller'> = {
  maxLength: WHOLE_PACKET,
  controllerId: 0,
  reason: PacketInReason.action,
  userdata: null,
  meterId: null,
  pause: false,
};

/** The form whose properties are left out where they have their default. */
const controller2: Codec<ActionBody<'controller'>> = {
  minimumBytes: 6,
  encode: (writer, value) => {
    writer.zero(6);
    const { maxLength, controllerId, reason, userdata, meterId, pause } = value;
    const put = (property: Infer<typeof ControllerProperty>) => ControllerProperty.encode(writer, property);
    if (maxLength !== WHOLE_PACKET) put({ kind: 'maxLength', value: maxLength });
    if (controllerId !== 0) put({ kind: 'controllerId', value: controllerId });
    if (reason !== PacketInReason.action) put({ kind: 'reason', value: reason });
    if (userdata !== null) put({ kind: 'userdata', value: userdata });
    if (pause) put({ kind: 'pause', value: true });
    if (meterId !== null) put({ kind: 'meterId', value: meterId });
  },
  decode: reader => {
    reader.skip(6);
    let value = controllerDefaults;
    while (reader.remaining > 0) {
      const at = reader.offset;
      const property = ControllerProperty.decode(reader);
      if (property.kind === 'unknown') throw new WireError('bad_value', `controller property ${property.type}`, at);
      value = { ...value, [property.kind]: property.value };
    }
    return value;
  },
};

const stackEntry: Codec<Subfield> = seenAs(
  struct({ offset: u16, field: niciraField, bits: u16 }),
  ({ offset, field, bits }, at) => readSubfield(field, offset, bits, at),
  value => value,
);

const sampleHead = {
  probability: u16,
  collectorSetId: u32,
  observationDomainId: u32,
  observationPointId: u32,
} as const;
const sample: Codec<ActionBody<'sample'>> = mapped(
  struct(sampleHead),
  value => ({ ...value, samplingPort: Port.any, direction: 'default' }),
  value => value,
);
const directions = ['default', 'ingress', 'egress'] as const;
const sampleFrom: Codec<ActionBody<'sample'>> = seenAs(
  struct({ ...sampleHead, samplingPort: port16, direction: u8, gap: padding(5) }),
  ({ direction: number, ...rest }, at) => {
    const direction = directions[number];
    if (direction === undefined) throw new WireError('bad_value', `sample direction ${number}`, at);
    return { ...rest, direction };
  },
  ({ direction, ...rest }) => ({ ...rest, direction: directions.indexOf(direction) }),
);

const decTtlControllerIds: Codec<ActionBody<'decTtlControllerIds'>> = {
  minimumBytes: 6,
  encode: (writer, { controllerIds }) => {
    writer.u16(controllerIds.length);
    writer.zero(4);
    for (const id of controllerIds) writer.u16(id);
  },
  decode: reader => {
    const count = reader.u16();
    reader.skip(4);
    const ids = reader.within(count * 2);
    return { controllerIds: Array.from({ length: count }, () => ids.u16()) };
  },
};

const checkPacketLarger: Codec<ActionBody<'checkPacketLarger'>> = seenAs(
  struct({ length: u16, offset: u16, field: niciraField }),
  ({ length, offset, field }, at) => ({ length, destination: readSubfield(field, offset, 1, at) }),
  ({ length, destination }, at) => {
    if (destination.bits !== 1) throw new WireError('out_of_range', 'check_pkt_larger writes one bit', at);
    return { length, offset: destination.offset, field: destination.field };
  },
);

const DELETE_FIELD_BYTES = 14;

const deleteField: Codec<ActionBody<'deleteField'>> = {
  minimumBytes: DELETE_FIELD_BYTES,
  encode: (writer, { field }) => {
    const start = writer.offset;
    niciraField.encode(writer, field);
    writer.zero(DELETE_FIELD_BYTES - (writer.offset - start));
  },
  decode: reader => ({ field: niciraField.decode(reader.within(DELETE_FIELD_BYTES)) }),
};

/** Everything that Open vSwitch adds to OpenFlow. `nested` is the codec of actions inside actions. */
export function niciraForms(nested: Codec<readonly Action[]>) {
  return {
    popQueue: [nicira(5, emptyBody)],
    note: [nicira(8, struct({ bytes: restBytes }))],
    multipath: [nicira(10, multipath)],
    bundle: [nicira(12, bundle)],
    bundleLoad: [nicira(13, bundleLoad)],
    resubmit: [
      nicira(14, resubmit, { suits: value => !value.conntrackTuple }),
      nicira(44, resubmitConntrack),
      nicira(1, resubmitPort),
    ],
    outputRegister: [
      nicira(15, outputRegister, { suits: value => preferredCodePoint(value.source.field, 0).experimenter === null }),
      nicira(32, outputRegister2),
    ],
    learn: [
      nicira(16, learnCodec, { suits: value => value.limit === 0 && value.resultDestination === null }),
      nicira(45, learn2Codec),
    ],
    exit: [nicira(17, emptyBody)],
    finTimeout: [nicira(19, struct({ idleTimeout: u16, hardTimeout: u16 }))],
    controller: [
      nicira(20, controller, {
        suits: value => value.userdata === null && value.meterId === null && !value.pause,
      }),
      nicira(37, controller2),
    ],
    decTtlControllerIds: [nicira(21, decTtlControllerIds)],
    stackPush: [
      nicira(
        27,
        mapped(
          stackEntry,
          source => ({ source }),
          value => value.source,
        ),
      ),
    ],
    stackPop: [
      nicira(
        28,
        mapped(
          stackEntry,
          destination => ({ destination }),
          value => value.destination,
        ),
      ),
    ],
    sample: [
      nicira(29, sample, { suits: value => value.samplingPort === Port.any && value.direction === 'default' }),
      nicira(38, sampleFrom, { suits: value => value.direction === 'default' }),
      nicira(41, sampleFrom),
    ],
    conjunction: [nicira(34, struct({ clause: u8, clauses: u8, id: u32 }))],
    ct: [nicira(35, conntrackBody(nested))],
    nat: [nicira(36, natCodec)],
    outputTruncated: [nicira(39, struct({ port: port16, maxLength: u32 }))],
    clone: [nicira(42, struct({ gap: padding(6), actions: nested }))],
    ctClear: [nicira(43, emptyBody)],
    checkPacketLarger: [nicira(49, checkPacketLarger)],
    deleteField: [nicira(50, deleteField)],
  } as const;
}
