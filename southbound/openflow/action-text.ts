/** Actions as ovs-ofctl prints them. */
import type { Action, ActionKind, ActionOf, LearnSpec } from './action.js';
import { PacketInReason, Port, WHOLE_PACKET } from './actions.js';
import type { Subfield } from './oxm.js';
import type { TextOptions } from './value-text.js';
import {
  formatBytes,
  formatIp,
  formatPort,
  formatSubfield,
  formatTable,
  formatValue,
  hex,
  hexOf,
} from './value-text.js';

const DEFAULT_PRIORITY = 0x8000;

type Texts = { readonly [K in ActionKind]: (action: ActionOf<K>, options: TextOptions) => string };

/** `name=value` for each value that is there. */
function properties(entries: readonly (string | false)[]): string {
  return entries.filter(entry => entry !== false).join(',');
}

const reasonNames = new Map<number, string>([
  [PacketInReason.noMatch, 'no_match'],
  [PacketInReason.action, 'action'],
  [PacketInReason.invalidTtl, 'invalid_ttl'],
  [PacketInReason.actionSet, 'action_set'],
  [PacketInReason.group, 'group'],
  [PacketInReason.packetOut, 'packet_out'],
]);

const algNames = new Map([
  [21, 'ftp'],
  [69, 'tftp'],
]);

function formatResubmit({ port, table, conntrackTuple }: ActionOf<'resubmit'>, options: TextOptions): string {
  if (table === null && port !== Port.inPort && !conntrackTuple) return `resubmit:${formatPort(port, options)}`;
  const where = table === null ? '' : formatTable(table, options);
  return `resubmit(${port === Port.inPort ? '' : formatPort(port, options)},${where}${conntrackTuple ? ',ct' : ''})`;
}

function formatController(action: ActionOf<'controller'>): string {
  const { maxLength, controllerId, reason, userdata, meterId, pause } = action;
  const text = properties([
    reason !== PacketInReason.action && `reason=${reasonNames.get(reason) ?? reason}`,
    maxLength !== WHOLE_PACKET && `max_len=${maxLength}`,
    controllerId !== 0 && `id=${controllerId}`,
    userdata !== null && `userdata=${formatBytes(userdata)}`,
    pause && 'pause',
    meterId !== null && `meter_id=${meterId}`,
  ]);
  const isPlain =
    reason === PacketInReason.action && controllerId === 0 && userdata === null && !pause && meterId === null;
  return isPlain ? `CONTROLLER:${maxLength}` : `controller(${text})`;
}

function isSamePlace(a: Subfield, b: Subfield): boolean {
  return a.field === b.field && a.offset === b.offset && a.bits === b.bits;
}

function formatConstant(destination: Subfield, value: bigint, options: TextOptions): string {
  const { field, bits } = destination;
  if (bits !== field.bits) return `${formatSubfield(destination)}=${hex(value)}`;
  return `${field.name}=${formatValue(field, value, undefined, options)}`;
}

function formatLearnSpec(spec: LearnSpec, options: TextOptions): string {
  const { source } = spec;
  if (spec.kind === 'output') return `output:${formatSubfield(spec.source)}`;
  const place = formatSubfield(spec.destination);
  if (spec.kind === 'load')
    return `load:${typeof source === 'bigint' ? hex(source) : formatSubfield(source)}->${place}`;
  if (typeof source === 'bigint') return formatConstant(spec.destination, source, options);
  return isSamePlace(spec.destination, source) ? place : `${place}=${formatSubfield(source)}`;
}

function formatLearn(action: ActionOf<'learn'>, options: TextOptions): string {
  const { idleTimeout, hardTimeout, finIdleTimeout, finHardTimeout, priority, cookie, resultDestination } = action;
  return `learn(${properties([
    `table=${formatTable(action.table, options)}`,
    idleTimeout !== 0 && `idle_timeout=${idleTimeout}`,
    hardTimeout !== 0 && `hard_timeout=${hardTimeout}`,
    finIdleTimeout !== 0 && `fin_idle_timeout=${finIdleTimeout}`,
    finHardTimeout !== 0 && `fin_hard_timeout=${finHardTimeout}`,
    priority !== DEFAULT_PRIORITY && `priority=${priority}`,
    action.sendFlowRemoved && 'send_flow_rem',
    action.deleteLearned && 'delete_learned',
    cookie !== 0n && `cookie=${hex(cookie)}`,
    action.limit !== 0 && `limit=${action.limit}`,
    resultDestination !== null && `result_dst=${formatSubfield(resultDestination)}`,
    ...action.specs.map(spec => formatLearnSpec(spec, options)),
  ])})`;
}

function formatNat({ direction, persistent, selection, addresses, ports }: ActionOf<'nat'>): string {
  if (direction === null) return 'nat';
  const bracketed = (value: bigint) => {
    const text = addresses === null ? '' : formatIp(addresses.family, value);
    return addresses?.family === 6 && ports !== null ? `[${text}]` : text;
  };
  const { first, last } = addresses ?? { first: 0n, last: 0n };
  const address = addresses === null ? '' : bracketed(first) + (first === last ? '' : `-${bracketed(last)}`);
  const port = ports === null ? '' : `:${ports.first}${ports.first === ports.last ? '' : `-${ports.last}`}`;
  const range = address + port;
  const keyword = direction === 'source' ? 'src' : 'dst';
  return `nat(${properties([
    range === '' ? keyword : `${keyword}=${range}`,
    persistent && 'persistent',
    selection !== null && selection,
  ])})`;
}

function formatConntrack(action: ActionOf<'ct'>, options: TextOptions): string {
  const { zone, table, alg, actions } = action;
  const [first] = actions;
  const rest = first?.kind === 'nat' ? actions.slice(1) : actions;
  return `ct(${properties([
    action.commit && 'commit',
    action.force && 'force',
    table !== null && `table=${formatTable(table, options)}`,
    typeof zone === 'number' ? zone !== 0 && `zone=${zone}` : `zone=${formatSubfield(zone)}`,
    first?.kind === 'nat' && formatNat(first),
    rest.length > 0 && `exec(${formatList(rest, options)})`,
    alg !== 0 && `alg=${algNames.get(alg) ?? alg}`,
  ])})`;
}

function formatSample(action: ActionOf<'sample'>, options: TextOptions): string {
  return `sample(${properties([
    `probability=${action.probability}`,
    `collector_set_id=${action.collectorSetId}`,
    `obs_domain_id=${action.observationDomainId}`,
    `obs_point_id=${action.observationPointId}`,
    action.samplingPort !== Port.any && `sampling_port=${formatPort(action.samplingPort, options)}`,
    action.direction !== 'default' && action.direction,
  ])})`;
}

function formatBundle(action: ActionOf<'bundle'> | ActionOf<'bundleLoad'>, options: TextOptions): string {
  const { fields, basis, algorithm, members } = action;
  const place = action.kind === 'bundleLoad' ? `${formatSubfield(action.destination)},` : '';
  const list = members.map(member => formatPort(member, options)).join(',');
  const name = action.kind === 'bundleLoad' ? 'bundle_load' : 'bundle';
  return `${name}(${fields},${basis},${algorithm},ofport,${place}members:${list})`;
}

function formatOutput({ port, maxLength }: ActionOf<'output'>, options: TextOptions): string {
  if (port === Port.controller) return `CONTROLLER:${maxLength}`;
  const name = formatPort(port, options);
  return name === String(port) ? `output:${name}` : name;
}

const texts: Texts = {
  output: formatOutput,
  outputRegister: ({ source }) => `output:${formatSubfield(source)}`,
  outputTruncated: ({ port, maxLength }, options) => `output(port=${formatPort(port, options)},max_len=${maxLength})`,
  group: ({ groupId }) => `group:${groupId}`,
  setQueue: ({ queueId }) => `set_queue:${queueId}`,
  popQueue: () => 'pop_queue',
  meter: ({ meterId }) => `meter:${meterId}`,
  setField: ({ field, value, mask }, options) => `set_field:${formatValue(field, value, mask, options)}->${field.name}`,
  move: ({ source, destination }) => `move:${formatSubfield(source)}->${formatSubfield(destination)}`,
  pushVlan: ({ ethertype }) => `push_vlan:${hexOf(ethertype, 4)}`,
  popVlan: () => 'pop_vlan',
  pushMpls: ({ ethertype }) => `push_mpls:${hexOf(ethertype, 4)}`,
  popMpls: ({ ethertype }) => `pop_mpls:${hexOf(ethertype, 4)}`,
  setMplsTtl: ({ ttl }) => `set_mpls_ttl(${ttl})`,
  decMplsTtl: () => 'dec_mpls_ttl',
  setIpTtl: ({ ttl }) => `mod_nw_ttl:${ttl}`,
  decTtl: () => 'dec_ttl',
  decTtlControllerIds: ({ controllerIds }) => `dec_ttl(${controllerIds.join(',')})`,
  resubmit: formatResubmit,
  note: ({ bytes }) => `note:${formatBytes(bytes)}`,
  multipath: ({ fields, basis, algorithm, links, argument, destination }) =>
    `multipath(${fields},${basis},${algorithm},${links},${argument},${formatSubfield(destination)})`,
  bundle: formatBundle,
  bundleLoad: formatBundle,
  learn: formatLearn,
  exit: () => 'exit',
  finTimeout: ({ idleTimeout, hardTimeout }) =>
    `fin_timeout(${properties([
      idleTimeout !== 0 && `idle_timeout=${idleTimeout}`,
      hardTimeout !== 0 && `hard_timeout=${hardTimeout}`,
    ])})`,
  controller: formatController,
  stackPush: ({ source }) => `push:${formatSubfield(source)}`,
  stackPop: ({ destination }) => `pop:${formatSubfield(destination)}`,
  sample: formatSample,
  conjunction: ({ id, clause, clauses }) => `conjunction(${id},${clause + 1}/${clauses})`,
  ct: formatConntrack,
  nat: formatNat,
  ctClear: () => 'ct_clear',
  clone: ({ actions }, options) => `clone(${formatList(actions, options)})`,
  checkPacketLarger: ({ length, destination }) => `check_pkt_larger(${length})->${formatSubfield(destination)}`,
  deleteField: ({ field }) => `delete_field:${field.name}`,
  unknown: ({ type, bytes }) => `unknown(type=${type},bytes=${formatBytes(bytes)})`,
};

function formatOne<K extends ActionKind>(action: ActionOf<K>, options: TextOptions): string {
  const format: (of: ActionOf<K>, options: TextOptions) => string = texts[action.kind as K];
  return format(action, options);
}

function formatList(actions: readonly Action[], options: TextOptions): string {
  return actions.map(action => formatOne(action, options)).join(',');
}

/** Comma-separated actions; `drop` where there are none. */
export function formatActions(actions: readonly Action[], options: TextOptions = {}): string {
  return actions.length === 0 ? 'drop' : formatList(actions, options);
}
