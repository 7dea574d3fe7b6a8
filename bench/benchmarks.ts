/** The benchmarks by name, and the frame that every result has. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { measureBulk } from './bulk.js';
import { load, machineReport } from './machine.js';
import type { BenchOptions } from './options.js';
import { measurePortAdd } from './port-add.js';
import { type Consumer, monotonicUs, profilesIn, type Span, topConsumers } from './profile.js';
import { measureRestart } from './restart.js';
import { Stand } from './stand.js';
import { Work } from './work.js';

const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

export async function runBenchmark(options: BenchOptions): Promise<unknown> {
  const loadBefore = load();
  const size = { hosts: 25, switches: 20, portsPerSwitch: 50 };
  const profileDirectory = options.profileDirectory === null ? null : resolve(options.profileDirectory);
  if (profileDirectory !== null) mkdirSync(profileDirectory, { recursive: true });
  const stand = await Stand.create({ hosts: size.hosts, ...(profileDirectory === null ? {} : { profileDirectory }) });
  say('the stand is up');
  const results: Record<string, unknown> = {};
  const spans: Record<string, Span> = {};
  const spanned = async <T>(name: string, action: () => Promise<T>): Promise<T> => {
    const fromUs = monotonicUs();
    const result = await action();
    spans[name] = { fromUs, toUs: monotonicUs() };
    results[name] = result;
    say(name);
    return result;
  };
  try {
    const work = new Work(size);
    await stand.plug(work.ports);
    await spanned('bulk', () => measureBulk(stand, work));
    if (options.name === 'port-add') {
      await spanned('port_add', () =>
        measurePortAdd(stand, work, { repetitions: options.isQuick ? 50 : 200, warmUp: 20 }),
      );
    }
    if (options.name === 'restart') await spanned('restart', () => measureRestart(stand));
  } finally {
    await stand.remove();
  }
  const profiles: Record<string, readonly Consumer[]> = {};
  if (profileDirectory !== null) {
    for (const { file, profile } of profilesIn(profileDirectory)) {
      for (const [name, span] of Object.entries(spans)) profiles[`${name} ${file}`] = topConsumers(profile, span);
    }
  }
  return {
    benchmark: options.name,
    at: new Date().toISOString(),
    machine: machineReport(),
    load: { before: loadBefore, after: load() },
    work: size,
    results,
    ...(profileDirectory === null ? {} : { profiles }),
  };
}
