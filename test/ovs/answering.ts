/** Servers in workloads that say who they are, and clients that count who answers (balancing-program.ts). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inNamespace } from '../../lab/namespaces.js';
import { commandEnvironment } from '../../lab/processes.js';
import type { Workload } from '../../lab/workload.js';

const program = fileURLToPath(new URL('balancing-program.js', import.meta.url));

/** Starts a server on these ports; returns how to end it. */
export async function answering(workload: Workload, ...ports: readonly number[]): Promise<() => Promise<void>> {
  const args = ['serve', workload.name, ...ports.map(String)];
  const [file = '', ...rest] = inNamespace(workload.namespace, [process.execPath, program, ...args]);
  const child = spawn(file, rest, { env: commandEnvironment(workload.mark), stdio: ['pipe', 'pipe', 'inherit'] });
  await once(createInterface(child.stdout), 'line');
  return async () => {
    const gone = once(child, 'close');
    child.stdin.end();
    await gone;
  };
}

/**
 * How often who has answered, `name:port`.
 * @param ports the first port to call from, where that matters
 */
export async function ask(
  from: Workload,
  transport: 'tcp' | 'udp',
  address: string,
  port: number,
  count: number,
  ports: readonly number[] = [],
) {
  const command = [process.execPath, program, 'ask', transport, address, ...[port, count, ...ports].map(String)];
  const { stdout } = await from.exec(command, { timeoutMs: 600_000 });
  return JSON.parse(stdout) as Readonly<Record<string, number>>;
}
