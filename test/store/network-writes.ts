/** What the tests of networks in the store have in common. */
import assert from 'node:assert/strict';
import type { WeftError } from '../../src/base/errors.js';
import type { RowOf } from '../../src/model/index.js';
import type { WritableKind } from '../../src/model/kinds.js';
import type { Store } from '../../src/store/store.js';
import { context } from '../fixtures/stores.js';

/** Writes one object. */
export async function create<K extends WritableKind>(store: Store, kind: K, body: unknown): Promise<RowOf<K>> {
  const { result } = await store.write(context, tx => tx.create(kind, body));
  return result.row;
}

/** A logical switch with these subnets; its id. */
export async function newSwitch(store: Store, ...cidrs: string[]): Promise<string> {
  const row = await create(store, 'logical-switches', { name: 'switch', subnets: cidrs.map(cidr => ({ cidr })) });
  return row.id;
}

/** @throws AssertionError unless `work` is refused so, for this member of the request (undefined: for none) */
export async function refused(code: string, pointer: string | undefined, work: Promise<unknown>): Promise<WeftError> {
  try {
    await work;
  } catch (error) {
    const failure = error as WeftError;
    assert.deepEqual([failure.code, failure.pointer], [code, pointer], failure.message);
    return failure;
  }
  return assert.fail(`not refused as ${code}`);
}

export async function subnetsOf(store: Store, switchId: string): Promise<readonly RowOf<'subnets'>[]> {
  return (await store.list('subnets', { filters: { logicalSwitchId: switchId }, limit: 100 })).rows;
}
