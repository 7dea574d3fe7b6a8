/** Moments of a Weft process, from the lines that it logs. */
import { readFileSync } from 'node:fs';

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

/** The lines after so many bytes of the log file. */
export function logLines(path: string, fromByte: number): readonly LogLine[] {
  const text = readFileSync(path).subarray(fromByte).toString();
  return text.split('\n').flatMap(line => {
    if (!line.startsWith('{')) return [];
    const entry = JSON.parse(line) as { time: string; msg: string };
    return [{ ...entry, atMs: Date.parse(entry.time) }];
  });
}

/** When the last line of a kind was written; null when there is none. */
export function lastAt(lines: readonly LogLine[], matches: (line: LogLine) => boolean): number | null {
  return lines.findLast(matches)?.atMs ?? null;
}
