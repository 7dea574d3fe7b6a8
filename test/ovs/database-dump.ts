/** A whole OVSDB database as text that two moments can be compared by. */
import { runCommand, type DummySwitch } from './dummy-switch.js';

/** What Open vSwitch itself writes about its state, some time after the configuration has changed, and what counts. */
const reported = new Set([
  ...'_uuid cur_cfg next_cfg statistics status is_connected role datapath_id datapath_version'.split(' '),
  ...'link_resets link_state link_speed admin_state duplex mtu ifindex mac_in_use ofport'.split(' '),
]);

interface DumpedTable {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

/**
 * Every column of every row of every table but those that Open vSwitch fills in, sorted; a UUID is replaced by what it names, so that rows which were
 * deleted and made again compare equal.
 */
export async function databaseDump(ovs: DummySwitch): Promise<string> {
  const text = await runCommand('ovsdb-client', ['dump', '--format=json', ovs.database, 'Open_vSwitch']);
  const names = new Map<string, string>();
  const tables = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as DumpedTable);
  for (const { caption, headings, data } of tables) {
    for (const row of data) {
      const cell = (heading: string) => row[headings.indexOf(heading)];
      const [, uuid = ''] = cell('_uuid') as readonly string[];
      names.set(uuid, `${caption}:${JSON.stringify(cell('name') ?? cell('target') ?? '')}`);
    }
  }
  const lines = tables.flatMap(({ caption, headings, data }) =>
    data.map(row => {
      const cells = headings.map((heading, index) => `${heading}=${canonical(row[index], names)}`);
      return `${caption} ${cells.filter((_, index) => !reported.has(headings[index] ?? '')).join(' ')}`;
    }),
  );
  return lines.toSorted().join('\n');
}

function canonical(value: unknown, names: ReadonlyMap<string, string>): string {
  if (!Array.isArray(value)) return JSON.stringify(value);
  const [kind, content] = value as readonly unknown[];
  if (kind === 'uuid') return names.get(String(content)) ?? 'nowhere';
  if ((kind === 'set' || kind === 'map') && Array.isArray(content)) {
    return `{${content
      .map(element => canonical(element, names))
      .toSorted()
      .join()}}`;
  }
  return `[${value.map(element => canonical(element, names)).join()}]`;
}
