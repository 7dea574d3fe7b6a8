/** Accounts of drops on a bridge, read from the flows of a real Open vSwitch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDropCount, type DropCount } from '../../../src/compiler/drops/drops.js';
import { placeOf } from '../../../src/compiler/pipeline/registers.js';
import { matchField } from '../../../southbound/openflow/match.js';
import type { TracedNetwork } from './traced-network.js';

/** Reads a line of `ovs-ofctl dump-flows` as delivery would read the flow's statistics. */
export function dropCountOf(line: string): DropCount | null {
  const text = (pattern: RegExp): string => pattern.exec(line)?.[1] ?? '0';
  const { field, offset } = placeOf('dropReason');
  const code = BigInt(text(new RegExp(`${field.name}=(\\w+)/`)));
  return decodeDropCount({
    table: Number(text(/table=(\d+)/)),
    cookie: BigInt(text(/cookie=(\w+)/)),
    match: [matchField(field, code, 0xffn << BigInt(offset))],
    packets: BigInt(text(/n_packets=(\d+)/)),
  });
}

/** Those that have occurred, by reason; waits a little until they are as many packets in all as expected. */
export async function countedDrops(
  network: TracedNetwork,
  bridge: string,
  table: number,
  expectedPackets: number,
): Promise<readonly DropCount[]> {
  for (let attempt = 0; ; attempt += 1) {
    const dump = await network.dump(bridge, `table=${table}`);
    const lines = dump.split('\n').filter(line => line.includes(`table=${table}`));
    const counts = lines.flatMap(line => dropCountOf(line) ?? []).filter(({ packets }) => packets > 0n);
    const total = counts.reduce((sum, { packets }) => sum + Number(packets), 0);
    if (total >= expectedPackets || attempt === 20) {
      return counts.toSorted((a, b) => (a.reason < b.reason ? -1 : 1));
    }
    await sleep(50);
  }
}
