/** Hello: the first message of both sides; its bitmap element lists every version that the sender speaks. */
import type { Version } from '../version.js';
import { list, u32, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { message, type ValueOf } from './message.js';

const HelloElement = tlv({ versionBitmap: tlvCase(1, struct({ bitmaps: list(u32) })) });
export type HelloElement = Infer<typeof HelloElement>;

export const Hello = message('hello', 0, { elements: list(HelloElement) });
export type Hello = ValueOf<typeof Hello>;

export function hello(versions: readonly number[]): Hello {
  const bitmap = versions.reduce((bits, version) => (bits | (1 << version)) >>> 0, 0);
  return { kind: 'hello', elements: [{ kind: 'versionBitmap', bitmaps: [bitmap] }] };
}

/** The versions that a received hello offers; without a bitmap these are all up to the one of its header. */
export function offeredVersions(received: Hello, headerVersion: number): ReadonlySet<number> {
  const bitmap = received.elements.find(element => element.kind === 'versionBitmap');
  const versions = new Set<number>();
  if (!bitmap) {
    for (let version = 1; version <= headerVersion; version += 1) versions.add(version);
    return versions;
  }
  // Only versions below 32 exist or are in sight.
  const bits = bitmap.bitmaps[0] ?? 0;
  for (let version = 1; version < 32; version += 1) if ((bits >>> version) & 1) versions.add(version);
  return versions;
}

/** The highest of these versions that the peer offers too. */
export function highestCommon(
  versions: readonly Version[],
  received: Hello,
  headerVersion: number,
): Version | undefined {
  const offered = offeredVersions(received, headerVersion);
  return versions.toSorted((a, b) => b - a).find(version => offered.has(version));
}
