/** The parts of docs/performance.md that follow from the recorded run of the benchmarks. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../../bench/benchmarks.js';
import { circumstances, goalsTable, measurementTables } from '../../bench/report.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const results = join(root, 'bench', 'results');

function ofRecord(name: string, part: (result: BenchResult) => string): () => string {
  const recorded = join(results, name);
  return () =>
    existsSync(recorded)
      ? part(JSON.parse(readFileSync(recorded, 'utf8')) as BenchResult)
      : `No run is recorded in bench/results/${name}.`;
}

const withRules = (result: BenchResult): string => `${circumstances(result)}\n\n${measurementTables(result)}`;

export const benchmarkParts: Readonly<Record<string, () => string>> = {
  'bench-circumstances': ofRecord('full.json', circumstances),
  'bench-goals': ofRecord('full.json', goalsTable),
  'bench-measurements': ofRecord('full.json', measurementTables),
  'bench-rules': ofRecord('rules.json', withRules),
};
