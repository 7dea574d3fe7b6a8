/** Packet capture by tcpdump on the underlay. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from './namespaces.js';
import { commandEnvironment, run, words } from './processes.js';
import type { LabState } from './state.js';
import { UNDERLAY_BRIDGE } from './underlay.js';

/** A packet may be on its way from the bridge to tcpdump when the capture is stopped. */
const SETTLE_MS = 200;

let captures = 0;

export class Capture {
  constructor(
    private readonly tcpdump: ChildProcess,
    /** The packets, in pcap format. */
    readonly file: string,
  ) {}

  /** Ends the capture. Returns one line for each packet (`tcpdump -n -v`, joined). */
  async stop(): Promise<readonly string[]> {
    await sleep(SETTLE_MS);
    const ended = once(this.tcpdump, 'exit');
    this.tcpdump.kill('SIGINT');
    await ended;
    const { stdout } = await run(['tcpdump', '-n', '-v', '-tt', '-r', this.file]);
    // A packet's first line begins with its time; all others belong to the one above.
    return stdout
      .split(/\n(?=\d+\.\d+ )/)
      .filter(packet => packet !== '')
      .map(packet => packet.trim().replaceAll(/\s*\n\s*/g, ' '));
  }
}

export async function startCapture(state: LabState, namespace: string, filter: string): Promise<Capture> {
  captures += 1;
  const file = join(state.directory, `capture-${process.pid}-${captures}.pcap`);
  const [program = '', ...args] = inNamespace(namespace, [
    ...words(`tcpdump -i ${UNDERLAY_BRIDGE} -n -U --immediate-mode -Z root -w`),
    file,
    filter,
  ]);
  const tcpdump = spawn(program, args, { env: commandEnvironment(state.mark), stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    tcpdump.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
    tcpdump.once('error', reject);
    tcpdump.once('exit', status => reject(new Error(`tcpdump ended with ${status}: ${said}`)));
  });
  return new Capture(tcpdump, file);
}
