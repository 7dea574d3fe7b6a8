/** The parts of docs/performance.md that follow from the recorded run of the benchmarks. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../../bench/benchmarks.js';
import { circumstances, goalsTable, measurementTables } from '../../bench/report.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const recorded = join(root, 'bench', 'results', 'full.json');

function ofRecord(part: (result: BenchResult) => string): () => string {
  return () =>
    existsSync(recorded)
      ? part(JSON.parse(readFileSync(recorded, 'utf8')) as BenchResult)
      : 'No run is recorded in bench/results/full.json.';
}

export const benchmarkParts: Readonly<Record<string, () => string>> = {
  'bench-circumstances': ofRecord(circumstances),
  'bench-goals': ofRecord(goalsTable),
  'bench-measurements': ofRecord(measurementTables),
};
