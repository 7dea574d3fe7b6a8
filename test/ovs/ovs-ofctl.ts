/**
 * The installed ovs-ofctl as an oracle: what bytes it sends for flows written as text, and how it prints bytes.
 * It talks to a server of ours on a unix socket that plays a switch just far enough, so no daemon is needed.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const versionNames = new Map([
  [4, 'OpenFlow13'],
  [5, 'OpenFlow14'],
  [6, 'OpenFlow15'],
]);
const Type = { hello: 0, barrierRequest: 20, barrierReply: 21 };

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runOvsOfctl(args: readonly string[], stdin = ''): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn('ovs-ofctl', ['-t', '20', '--no-names', ...args], { stdio: 'pipe' });
    // It may exit before it has read everything; its status and stderr say why.
    child.stdin.on('error', () => undefined);
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    child.on('error', reject).on('close', status => resolve({ status, ...output }));
    child.stdin.end(stdin);
  });
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-ofctl-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Answers hello and barrier, and keeps every other message. */
function recordMessages(socket: Socket, version: number, received: Buffer[]): void {
  let pending = Buffer.alloc(0);
  socket.on('data', chunk => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 8 && pending.length >= pending.readUInt16BE(2)) {
      const message = pending.subarray(0, pending.readUInt16BE(2));
      pending = pending.subarray(message.length);
      const type = message.readUInt8(1);
      if (type === Type.hello) socket.write(Buffer.from([version, Type.hello, 0, 8, 0, 0, 0, 1]));
      else if (type === Type.barrierRequest) {
        const reply = Buffer.from(message);
        reply.writeUInt8(Type.barrierReply, 1);
        socket.write(reply);
      } else received.push(message);
    }
  });
}

function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.on('error', reject).listen(path, () => resolve(server));
  });
}

/** The messages that ovs-ofctl sends for `command` (add-flows, add-groups) and the lines. */
export function encodeWithOvs(command: string, lines: readonly string[], version: number): Promise<readonly Buffer[]> {
  return inTemporaryFolder(async folder => {
    const path = join(folder, 'switch');
    const received: Buffer[] = [];
    const server = await listen(path, socket => recordMessages(socket, version, received));
    try {
      const protocol = versionNames.get(version) ?? '';
      const run = await runOvsOfctl(['-O', protocol, command, `unix:${path}`, '-'], `${lines.join('\n')}\n`);
      if (run.status !== 0) {
        const line = /-:(\d+):/.exec(run.stderr)?.[1];
        throw new Error(`ovs-ofctl ${command}: ${run.stderr}${lines[Number(line) - 1] ?? ''}`);
      }
      return received;
    } finally {
      server.close();
    }
  });
}

/** How ovs-ofctl prints each message. */
export function printWithOvs(messages: readonly Uint8Array[]): Promise<readonly string[]> {
  return inTemporaryFolder(async folder => {
    const path = join(folder, 'messages');
    await writeFile(path, Buffer.concat(messages));
    const run = await runOvsOfctl(['ofp-parse', path]);
    if (run.status !== 0) throw new Error(`ovs-ofctl ofp-parse: ${run.stderr}`);
    return run.stdout.split('\n').filter(line => line !== '');
  });
}
