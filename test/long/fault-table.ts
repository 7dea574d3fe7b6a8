/** The measured rows as one table, for people: printed, and written as Markdown to the file that `WEFT_FAULT_TABLE` names. */
import { appendFileSync } from 'node:fs';
import type { MeasuredRow } from './fault-row.js';

const headings = [
  'fault',
  'lost, switched',
  'lost, routed',
  'longest gap, ms',
  'flow_mods',
  'OVSDB transactions',
  'right again after, ms',
  'loss is of',
];

function cells({ name, switched, routed, flowMods, transactions, convergedMs, lossIsOf }: MeasuredRow): string[] {
  const lost = switched.lost + routed.lost;
  return [
    name,
    `${switched.lost} of ${switched.sent}`,
    `${routed.lost} of ${routed.sent}`,
    String(Math.round(Math.max(switched.longestGapMs, routed.longestGapMs))),
    String(flowMods),
    String(transactions),
    String(Math.round(convergedMs)),
    lost === 0 ? '' : (lossIsOf ?? ''),
  ];
}

/** Markdown whose columns are aligned, so that it reads in a terminal too. */
export function faultTable(rows: readonly MeasuredRow[]): string {
  const lines = [headings, ...rows.map(cells)];
  const widths = headings.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = lines;
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...body.map(line)].join('\n');
}

export function reportTable(rows: readonly MeasuredRow[]): void {
  const text = faultTable(rows);
  process.stdout.write(`\n${text}\n\n`);
  const file = process.env['WEFT_FAULT_TABLE'];
  if (file !== undefined && file !== '') appendFileSync(file, `${text}\n`);
}
