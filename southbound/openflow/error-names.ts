/**
 * What the type and code of an error message mean, and which request it speaks of.
 * Names are those of the standard and of Open vSwitch (ovs-ofctl prints the same).
 */
import { Reader } from '../wire/reader.js';
import { BundleAdd } from './messages/bundle.js';
import type { ErrorMessage } from './messages/error.js';
import { experimenterMessageType, Experimenter } from './messages/message.js';

/** Codes in order from 0; an empty name is a number that is not used. */
const standardErrors: readonly (readonly string[])[] = [
  ['OFPHFC_INCOMPATIBLE', 'OFPHFC_EPERM'],
  [
    'OFPBRC_BAD_VERSION',
    'OFPBRC_BAD_TYPE',
    'OFPBRC_BAD_MULTIPART',
    'OFPBRC_BAD_EXPERIMENTER',
    'OFPBRC_BAD_EXP_TYPE',
    'OFPBRC_EPERM',
    'OFPBRC_BAD_LEN',
    'OFPBRC_BUFFER_EMPTY',
    'OFPBRC_BUFFER_UNKNOWN',
    'OFPBRC_BAD_TABLE_ID',
    'OFPBRC_IS_SLAVE',
    'OFPBRC_BAD_PORT',
    'OFPBRC_BAD_PACKET',
    'OFPBRC_MULTIPART_BUFFER_OVERFLOW',
    'OFPBRC_MULTIPART_REQUEST_TIMEOUT',
    'OFPBRC_MULTIPART_REPLY_TIMEOUT',
    'OFPBRC_MULTIPART_BAD_SCHED',
    'OFPBRC_PIPELINE_FIELDS_ONLY',
    'OFPBRC_UNKNOWN',
  ],
  [
    'OFPBAC_BAD_TYPE',
    'OFPBAC_BAD_LEN',
    'OFPBAC_BAD_EXPERIMENTER',
    'OFPBAC_BAD_EXP_TYPE',
    'OFPBAC_BAD_OUT_PORT',
    'OFPBAC_BAD_ARGUMENT',
    'OFPBAC_EPERM',
    'OFPBAC_TOO_MANY',
    'OFPBAC_BAD_QUEUE',
    'OFPBAC_BAD_OUT_GROUP',
    'OFPBAC_MATCH_INCONSISTENT',
    'OFPBAC_UNSUPPORTED_ORDER',
    'OFPBAC_BAD_TAG',
    'OFPBAC_BAD_SET_TYPE',
    'OFPBAC_BAD_SET_LEN',
    'OFPBAC_BAD_SET_ARGUMENT',
    'OFPBAC_BAD_SET_MASK',
    'OFPBAC_BAD_METER',
  ],
  [
    'OFPBIC_UNKNOWN_INST',
    'OFPBIC_UNSUP_INST',
    'OFPBIC_BAD_TABLE_ID',
    'OFPBIC_UNSUP_METADATA',
    'OFPBIC_UNSUP_METADATA_MASK',
    'OFPBIC_BAD_EXPERIMENTER',
    'OFPBIC_BAD_EXP_TYPE',
    'OFPBIC_BAD_LEN',
    'OFPBIC_EPERM',
    'OFPBIC_DUP_INST',
  ],
  [
    'OFPBMC_BAD_TYPE',
    'OFPBMC_BAD_LEN',
    'OFPBMC_BAD_TAG',
    'OFPBMC_BAD_DL_ADDR_MASK',
    'OFPBMC_BAD_NW_ADDR_MASK',
    'OFPBMC_BAD_WILDCARDS',
    'OFPBMC_BAD_FIELD',
    'OFPBMC_BAD_VALUE',
    'OFPBMC_BAD_MASK',
    'OFPBMC_BAD_PREREQ',
    'OFPBMC_DUP_FIELD',
    'OFPBMC_EPERM',
  ],
  [
    'OFPFMFC_UNKNOWN',
    'OFPFMFC_TABLE_FULL',
    'OFPFMFC_BAD_TABLE_ID',
    'OFPFMFC_OVERLAP',
    'OFPFMFC_EPERM',
    'OFPFMFC_BAD_TIMEOUT',
    'OFPFMFC_BAD_COMMAND',
    'OFPFMFC_BAD_FLAGS',
    'OFPFMFC_CANT_SYNC',
    'OFPFMFC_BAD_PRIORITY',
    'OFPFMFC_IS_SYNC',
  ],
  [
    'OFPGMFC_GROUP_EXISTS',
    'OFPGMFC_INVALID_GROUP',
    'OFPGMFC_WEIGHT_UNSUPPORTED',
    'OFPGMFC_OUT_OF_GROUPS',
    'OFPGMFC_OUT_OF_BUCKETS',
    'OFPGMFC_CHAINING_UNSUPPORTED',
    'OFPGMFC_WATCH_UNSUPPORTED',
    'OFPGMFC_LOOP',
    'OFPGMFC_UNKNOWN_GROUP',
    'OFPGMFC_CHAINED_GROUP',
    'OFPGMFC_BAD_TYPE',
    'OFPGMFC_BAD_COMMAND',
    'OFPGMFC_BAD_BUCKET',
    'OFPGMFC_BAD_WATCH',
    'OFPGMFC_EPERM',
    'OFPGMFC_UNKNOWN_BUCKET',
    'OFPGMFC_BUCKET_EXISTS',
  ],
  ['OFPPMFC_BAD_PORT', 'OFPPMFC_BAD_HW_ADDR', 'OFPPMFC_BAD_CONFIG', 'OFPPMFC_BAD_ADVERTISE', 'OFPPMFC_EPERM'],
  ['OFPTMFC_BAD_TABLE', 'OFPTMFC_BAD_CONFIG', 'OFPTMFC_EPERM'],
  ['OFPQOFC_BAD_PORT', 'OFPQOFC_BAD_QUEUE', 'OFPQOFC_EPERM'],
  ['OFPSCFC_BAD_FLAGS', 'OFPSCFC_BAD_LEN', 'OFPSCFC_EPERM'],
  ['OFPRRFC_STALE', 'OFPRRFC_UNSUP', 'OFPRRFC_BAD_ROLE', 'OFPRRFC_ID_UNSUP', 'OFPRRFC_ID_IN_USE'],
  [
    'OFPMMFC_UNKNOWN',
    'OFPMMFC_METER_EXISTS',
    'OFPMMFC_INVALID_METER',
    'OFPMMFC_UNKNOWN_METER',
    'OFPMMFC_BAD_COMMAND',
    'OFPMMFC_BAD_FLAGS',
    'OFPMMFC_BAD_RATE',
    'OFPMMFC_BAD_BURST',
    'OFPMMFC_BAD_BAND',
    'OFPMMFC_BAD_BAND_VALUE',
    'OFPMMFC_OUT_OF_METERS',
    'OFPMMFC_OUT_OF_BANDS',
  ],
  ['OFPTFFC_BAD_TABLE', 'OFPTFFC_BAD_METADATA', '', '', '', 'OFPTFFC_EPERM'],
  [
    'OFPBPC_BAD_TYPE',
    'OFPBPC_BAD_LEN',
    'OFPBPC_BAD_VALUE',
    'OFPBPC_TOO_MANY',
    'OFPBPC_DUP_TYPE',
    'OFPBPC_BAD_EXPERIMENTER',
    'OFPBPC_BAD_EXP_TYPE',
    'OFPBPC_BAD_EXP_VALUE',
    'OFPBPC_EPERM',
  ],
  ['OFPACFC_INVALID', 'OFPACFC_UNSUPPORTED', 'OFPACFC_EPERM'],
  [
    'OFPMOFC_UNKNOWN',
    'OFPMOFC_MONITOR_EXISTS',
    'OFPMOFC_INVALID_MONITOR',
    'OFPMOFC_UNKNOWN_MONITOR',
    'OFPMOFC_BAD_COMMAND',
    'OFPMOFC_BAD_FLAGS',
    'OFPMOFC_BAD_TABLE_ID',
    'OFPMOFC_BAD_OUT',
  ],
  [
    'OFPBFC_UNKNOWN',
    'OFPBFC_EPERM',
    'OFPBFC_BAD_ID',
    'OFPBFC_BUNDLE_EXIST',
    'OFPBFC_BUNDLE_CLOSED',
    'OFPBFC_OUT_OF_BUNDLES',
    'OFPBFC_BAD_TYPE',
    'OFPBFC_BAD_FLAGS',
    'OFPBFC_MSG_BAD_LEN',
    'OFPBFC_MSG_BAD_XID',
    'OFPBFC_MSG_UNSUP',
    'OFPBFC_MSG_CONFLICT',
    'OFPBFC_MSG_TOO_MANY',
    'OFPBFC_MSG_FAILED',
    'OFPBFC_TIMEOUT',
    'OFPBFC_BUNDLE_IN_PROGRESS',
  ],
];

/** OpenFlow 1.3 has property errors (14 later) among those of table features. */
const propertyErrors13: Readonly<Record<number, string>> = {
  2: 'OFPBPC_BAD_TYPE',
  3: 'OFPBPC_BAD_LEN',
  4: 'OFPBPC_BAD_VALUE',
};

const bundleErrorType = 17;

const niciraErrors: Readonly<Record<number, string>> = {
  2: 'NXBRC_NXM_INVALID',
  3: 'NXBRC_NXM_BAD_TYPE',
  4: 'NXBRC_MUST_BE_ZERO',
  5: 'NXBRC_BAD_REASON',
  9: 'NXBRC_FM_BAD_EVENT',
  10: 'NXBRC_UNENCODABLE_ERROR',
  11: 'NXBAC_MUST_BE_ZERO',
  12: 'NXFMFC_HARDWARE',
  13: 'NXFMFC_BAD_TABLE_ID',
  15: 'NXBAC_BAD_CONJUNCTION',
  16: 'NXTTMFC_BAD_COMMAND',
  17: 'NXTTMFC_BAD_OPT_LEN',
  18: 'NXTTMFC_BAD_FIELD_IDX',
  19: 'NXTTMFC_TABLE_FULL',
  20: 'NXTTMFC_ALREADY_MAPPED',
  21: 'NXTTMFC_DUP_ENTRY',
  22: 'OFPBFC_BAD_VERSION',
  23: 'NXQOFC_QUEUE_ERROR',
  34: 'NXR_NOT_SUPPORTED',
  35: 'NXR_STALE',
  36: 'NXST_NOT_CONFIGURED',
};

const openNetworkingErrors: Readonly<Record<number, string>> = {
  2600: 'OFPBIC_DUP_INST',
  4250: 'OFPBAC_BAD_SET_MASK',
  4443: 'OFPBPC_TOO_MANY',
  4444: 'OFPBPC_DUP_TYPE',
  4445: 'OFPBPC_BAD_EXPERIMENTER',
  4446: 'OFPBPC_BAD_EXP_TYPE',
  4447: 'OFPBPC_BAD_EXP_VALUE',
  4448: 'OFPBPC_EPERM',
};
/** In OpenFlow 1.3, bundle errors are the Open Networking Foundation's from this number on. */
const openNetworkingBundleErrors = 2300;

function knownName({ type, code, experimenter }: ErrorMessage): string | undefined {
  if (experimenter === null) return standardErrors[type]?.[code] || (type === 13 ? propertyErrors13[code] : undefined);
  if (experimenter === Experimenter.nicira) return niciraErrors[code];
  if (experimenter !== Experimenter.openNetworking) return undefined;
  return openNetworkingErrors[code] ?? standardErrors[bundleErrorType]?.[code - openNetworkingBundleErrors];
}

/** The name of an error, such as `OFPBMC_BAD_PREREQ`, or its numbers where it has none. */
export function errorName(error: ErrorMessage): string {
  const { type, code, experimenter } = error;
  const numbers = experimenter === null ? `${type}/${code}` : `experimenter 0x${experimenter.toString(16)}/${code}`;
  return knownName(error) ?? numbers;
}

/** What an error tells of the request that it refuses; the message inside, if that was a bundle-add. */
export interface FailedRequest {
  readonly version: number;
  readonly type: number;
  readonly xid: number;
  /** Of a flow-mod. */
  readonly cookie: bigint | null;
  /** Of a group-mod. */
  readonly groupId: number | null;
  /** Of a meter-mod. */
  readonly meterId: number | null;
}

const Type = { flowMod: 14, groupMod: 15, meterMod: 29, bundleAdd: 34 } as const;
const header = 8;
/** Bundle id, padding and flags stand between the header of a bundle-add and the message in it. */
const bundleAddFields = 8;
const experimenterFields = 8;

function innerOffset(data: Reader): number {
  const type = data.view.getUint8(data.offset + 1);
  if (type === Type.bundleAdd) return header + bundleAddFields;
  const tag13 = BundleAdd.tag13;
  if (type !== experimenterMessageType || !tag13 || 'type' in tag13 || data.remaining < 16) return 0;
  const isBundleAdd =
    data.view.getUint32(data.offset + header) === tag13.experimenter &&
    data.view.getUint32(data.offset + header + 4) === tag13.experimenterType;
  return isBundleAdd ? header + experimenterFields + bundleAddFields : 0;
}

/** Reads the request that an error quotes; null when it quotes none, as for a failed hello. */
export function failedRequest(error: ErrorMessage): FailedRequest | null {
  if (error.data.length < header || (error.experimenter === null && error.type === 0)) return null;
  const data = new Reader(error.data);
  const inner = innerOffset(data);
  if (data.remaining >= inner + header) data.skip(inner);
  const version = data.u8();
  const type = data.u8();
  data.skip(2);
  const xid = data.u32();
  const has = (bytes: number): boolean => data.remaining >= bytes;
  const word = (offset: number): number => data.view.getUint32(data.offset + offset);
  return {
    version,
    type,
    xid,
    cookie: type === Type.flowMod && has(8) ? data.view.getBigUint64(data.offset) : null,
    groupId: type === Type.groupMod && has(8) ? word(4) : null,
    meterId: type === Type.meterMod && has(8) ? word(4) : null,
  };
}
