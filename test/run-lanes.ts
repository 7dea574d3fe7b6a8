/**
 * Program: `npm test`. Runs the tests with real daemons (Open vSwitch, Postgres), which mostly wait, in some lanes, and beside them, with
 * the least priority, those that only compute. Each lane is a mocha of its own; what they say comes line by line, and the sum of all as the
 * closing line. Ends with 0 when each did. Arguments go to all.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { lanesOfAllTests } from './lanes.js';

interface Lane {
  readonly name: string;
  /** Of what only computes: it takes no processor from daemons, leases and packets that are being timed. */
  readonly isLeast: boolean;
  readonly files: readonly string[];
}

function lanes(): readonly Lane[] {
  const { computing, daemons } = lanesOfAllTests();
  return [
    ...daemons.map((files, place) => ({ name: `ovs${place + 1}`, isLeast: false, files })),
    { name: 'pure', isLeast: true, files: computing },
  ];
}

/** Milliseconds for a test that only computes: it waits for nothing but a processor, which the other lanes may want for long. */
const COMPUTES_WITHIN_MS = 300_000;

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
/**
 * Of Node.js, for tests that only compute: one thread collects what is left over with less work than several that wait for each other, and
 * with room for what lives through one step only, less is collected.
 */
const COMPUTING: readonly string[] = ['--single-threaded-gc', '--min-semi-space-size=32', '--max-semi-space-size=64'];

function start({ isLeast, files }: Lane): ChildProcess {
  const tests = files.map(file => `dist/test/${file}`);
  const args = [...process.argv.slice(2), ...tests];
  const patient = ['-n', '19', process.execPath, ...COMPUTING, mocha, '--timeout', String(COMPUTES_WITHIN_MS)];
  const [program, before] = isLeast ? ['nice', patient] : [process.execPath, [mocha]];
  return spawn(program, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

interface LaneResult {
  readonly succeeded: boolean;
  readonly passed: number;
  readonly failed: number;
}

/** Passes a lane's output on, line by line, except its closing line, which is the result. */
async function follow(name: string, child: ChildProcess): Promise<LaneResult> {
  const startMs = performance.now();
  let closing: RegExpExecArray | null = null;
  const pass = (line: string): void => {
    const found = /^(\d+) passed, (\d+) failed$/.exec(line);
    if (found !== null) closing = found;
    else if (line.trim() !== '') process.stdout.write(`${name.padEnd(4)} | ${line}\n`);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface(stream).on('line', pass);
  }
  const [status] = (await once(child, 'close')) as [number | null];
  const [, passed = '0', failed = '1'] = closing ?? [];
  process.stdout.write(
    `${name}: ${passed} passed, ${failed} failed in ${((performance.now() - startMs) / 1000).toFixed(0)} s\n`,
  );
  return { succeeded: status === 0 && closing !== null, passed: Number(passed), failed: Number(failed) };
}

const children = lanes().map(lane => ({ name: lane.name, child: start(lane) }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const { child } of children) child.kill(signal);
  });
}
const results = await Promise.all(children.map(({ name, child }) => follow(name, child)));
const sum = (part: 'passed' | 'failed'): number => results.reduce((total, result) => total + result[part], 0);
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
process.exitCode = results.every(({ succeeded }) => succeeded) ? 0 : 1;
