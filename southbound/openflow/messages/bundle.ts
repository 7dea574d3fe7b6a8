/**
 * Bundles: messages that take effect together. OpenFlow 1.3 has them as an extension of the Open Networking Foundation.
 * A message that is refused when added is merely left out and the commit still succeeds: send a barrier before the
 * commit and look for errors. Open vSwitch drops a bundle that is idle for ten seconds.
 */
import { enumOf, flagsOf, padding, restBytes, u16, u32 } from '../../wire/codec.js';
import { opaqueProperties } from './fields.js';
import { Experimenter, message, type ValueOf } from './message.js';

export const BundleControlType = {
  open_request: 0,
  open_reply: 1,
  close_request: 2,
  close_reply: 3,
  commit_request: 4,
  commit_reply: 5,
  discard_request: 6,
  discard_reply: 7,
} as const;
export const BundleFlag = { atomic: 1 << 0, ordered: 1 << 1 } as const;
export type BundleFlags = readonly (keyof typeof BundleFlag)[];

const { openNetworking } = Experimenter;

export const BundleControl = message(
  'bundleControl',
  33,
  {
    bundleId: u32,
    type: enumOf(u16, BundleControlType),
    flags: flagsOf(u16, BundleFlag),
    properties: opaqueProperties,
  },
  { experimenter: openNetworking, experimenterType: 2300 },
);
export type BundleControl = ValueOf<typeof BundleControl>;

/** `message` is a whole encoded message, whose xid must be that of the bundle-add: see `encodeBundleAdd`. */
export const BundleAdd = message(
  'bundleAdd',
  34,
  { bundleId: u32, gap: padding(2), flags: flagsOf(u16, BundleFlag), message: restBytes },
  { experimenter: openNetworking, experimenterType: 2301 },
);
export type BundleAdd = ValueOf<typeof BundleAdd>;

export function bundleControl(
  type: keyof typeof BundleControlType,
  bundleId: number,
  flags: BundleFlags = ['atomic', 'ordered'],
): BundleControl {
  return { kind: 'bundleControl', bundleId, type, flags, properties: [] };
}
