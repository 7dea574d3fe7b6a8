/** Packet capture by tcpdump: on the underlay, or on the device of a workload. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from './namespaces.js';
import { commandEnvironment, run, words } from './processes.js';
import type { LabState } from './state.js';

/** A packet may be on its way from the bridge to tcpdump when the capture is stopped. */
const SETTLE_MS = 200;
/** Lengths in the pcap format: the head of the file, and that of each packet. */
const PCAP_HEAD_BYTES = 24;
const PACKET_HEAD_BYTES = 16;

let captures = 0;

export class Capture {
  constructor(
    private readonly tcpdump: ChildProcess,
    /** The packets, in pcap format. */
    readonly file: string,
  ) {}

  /** Ends the capture. Returns one line for each packet (`tcpdump -n -v`, joined). */
  async stop(): Promise<readonly string[]> {
    await this.end();
    const { stdout } = await run(['tcpdump', '-n', '-v', '-tt', '-r', this.file]);
    // A packet's first line begins with its time; all others belong to the one above.
    return stdout
      .split(/\n(?=\d+\.\d+ )/)
      .filter(packet => packet !== '')
      .map(packet => packet.trim().replaceAll(/\s*\n\s*/g, ' '));
  }

  /** Ends the capture. Returns the packets as they were, from their Ethernet header on, in hexadecimal. */
  async stopFrames(): Promise<readonly string[]> {
    await this.end();
    const content = await readFile(this.file);
    const frames: string[] = [];
    for (let at = PCAP_HEAD_BYTES; at + PACKET_HEAD_BYTES <= content.length; ) {
      const start = at + PACKET_HEAD_BYTES;
      // The length captured, in the byte order of this machine, which wrote the file.
      at = start + (endianness() === 'LE' ? content.readUInt32LE(at + 8) : content.readUInt32BE(at + 8));
      frames.push(content.toString('hex', start, at));
    }
    return frames;
  }

  private async end(): Promise<void> {
    await sleep(SETTLE_MS);
    const ended = once(this.tcpdump, 'exit');
    this.tcpdump.kill('SIGINT');
    await ended;
  }
}

/** Captures what comes in and goes out by a device of a namespace. `filter` is tcpdump's. */
export async function startCapture(
  state: LabState,
  { namespace, device }: { readonly namespace: string; readonly device: string },
  filter: string,
): Promise<Capture> {
  captures += 1;
  const file = join(state.directory, `capture-${process.pid}-${captures}.pcap`);
  const [program = '', ...args] = inNamespace(namespace, [
    ...words(`tcpdump -i ${device} -n -U --immediate-mode -Z root -w`),
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
