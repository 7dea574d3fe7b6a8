#!/usr/bin/env node
/** `npm run bench -- NAME`: runs a benchmark and prints one JSON object last. What it does goes to standard error. */
import { writeFileSync } from 'node:fs';
import { parseOptions } from './options.js';
import { runBenchmark } from './benchmarks.js';

const options = parseOptions(process.argv.slice(2));
const result = await runBenchmark(options);
const text = JSON.stringify(result, null, 1);
if (options.jsonFile !== null) writeFileSync(options.jsonFile, `${text}\n`);
process.stdout.write(`${text}\n`);
if (result.failures !== undefined) process.exitCode = 1;
