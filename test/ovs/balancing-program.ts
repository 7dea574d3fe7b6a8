/**
 * Program: who answers, for tests of load balancers.
 *   serve NAME PORT...                 TCP and UDP, both families: tells whoever comes its name and port
 *   ask tcp|udp ADDRESS PORT COUNT     asks so often, each time from a port of its own; prints {who: times}, `failed` among them
 * `serve` prints "ready", and ends with its standard input.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const ANSWER_WITHIN_MS = 8_000;
const AT_ONCE = 16;

async function serve(name: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer(connection => {
      connection.on('error', () => undefined);
      connection.end(`${name}:${port}`);
    });
    server.listen(port, '::', 1_024);
    await once(server, 'listening');
    for (const type of ['udp4', 'udp6'] as const) {
      const socket = createSocket({ type, ipv6Only: type === 'udp6' });
      socket.on('message', (_message, { address, port: to }) => socket.send(`${name}:${port}`, to, address));
      socket.bind(port);
      await once(socket, 'listening');
    }
  }
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  process.exit();
}

async function askTcp(address: string, port: number): Promise<string> {
  const connection = connect(port, address);
  try {
    const [answer] = await once(connection, 'data', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return String(answer);
  } finally {
    connection.destroy();
  }
}

async function askUdp(address: string, port: number): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.send('x', port, address);
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return String(answer);
  } finally {
    socket.close();
  }
}

async function ask(transport: string, address: string, port: number, count: number): Promise<void> {
  const answers: Record<string, number> = {};
  let asked = 0;
  const askOn = async (): Promise<void> => {
    while (asked < count) {
      asked += 1;
      const who = await (transport === 'udp' ? askUdp : askTcp)(address, port).catch(() => 'failed');
      answers[who] = (answers[who] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
  process.exit();
}

const [role, what = '', ...rest] = process.argv.slice(2);
if (role === 'serve') await serve(what, rest.map(Number));
else await ask(what, rest[0] ?? '', Number(rest[1]), Number(rest[2]));
