/** Group-mod: adds, changes or deletes groups; from OpenFlow 1.5 on also single buckets. */
import { enumOf, fromVersion, lengthOf, list, mapped, padding, u16, u32, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { Version } from '../version.js';
import { Bucket, GroupProperty, GroupType } from './bucket.js';
import { kindStruct, type MessageDeclaration } from './message.js';

/** The last three are OpenFlow 1.5; `add_or_modify` is Open vSwitch's. */
export const GroupModCommand = {
  add: 0,
  modify: 1,
  delete: 2,
  insert_bucket: 3,
  remove_bucket: 5,
  add_or_modify: 0x8000,
} as const;

/** Places for `commandBucketId` besides the numbers of buckets. */
export const BucketId = { max: 0xffff_ff00, first: 0xffff_fffd, last: 0xffff_fffe, all: 0xffff_ffff } as const;

const head = {
  command: enumOf(u16, GroupModCommand),
  type: enumOf(u8, GroupType),
  gap: padding(1),
  groupId: u32,
} as const;

const current = kindStruct('groupMod', {
  ...head,
  bucketsLength: lengthOf('buckets'),
  gap2: padding(2),
  /** Where to insert, or what to remove. */
  commandBucketId: u32,
  buckets: list(Bucket),
  properties: list(GroupProperty),
});
export type GroupMod = Infer<typeof current>;

const earlier = mapped(
  struct({ ...head, buckets: list(Bucket) }),
  (wire): GroupMod => ({ kind: 'groupMod', ...wire, commandBucketId: BucketId.all, properties: [] }),
  value => value,
);

export const GroupMod: MessageDeclaration<GroupMod> = {
  kind: 'groupMod',
  tag: { type: 15 },
  body: fromVersion<GroupMod>(Version.openflow15, current, earlier),
};

/** A group-mod for whole groups. */
export function groupMod(
  given: Partial<Omit<GroupMod, 'kind'>> & Pick<GroupMod, 'command' | 'type' | 'groupId'>,
): GroupMod {
  return { kind: 'groupMod', commandBucketId: BucketId.all, buckets: [], properties: [], ...given };
}
