/**
 * Program: who answers, for tests of load balancers.
 *   serve NAME PORT...                 TCP and UDP, both families: tells whoever comes its name and port
 *   ask tcp|udp ADDRESS PORT COUNT [FROM]   asks so often, each time from another port, drawn at random from FROM on; prints
 *                                      {who: times}; who does not answer is `failed: ` and why
 * `serve` prints "ready", and ends with its standard input.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const ANSWER_WITHIN_MS = 8_000;
const AT_ONCE = 16;
/** Above those that services have. */
const FIRST_PORT = 10_240;

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

/** Ports from this one on, each once, in random order. The kernel's own choice comes back to the same ones. */
function portsInRandomOrder(first: number): readonly number[] {
  const ports = Array.from({ length: 65_535 - first + 1 }, (_, index) => first + index);
  for (let left = ports.length - 1; left > 0; left -= 1) {
    const other = Math.floor(Math.random() * (left + 1));
    [ports[left], ports[other]] = [ports[other] ?? 0, ports[left] ?? 0];
  }
  return ports;
}

async function askTcp(address: string, port: number, localPort: number): Promise<string> {
  const connection = connect({ port, host: address, localPort });
  try {
    const [answer] = await once(connection, 'data', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return String(answer);
  } finally {
    connection.destroy();
  }
}

async function askUdp(address: string, port: number, localPort: number): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(localPort);
    socket.send('x', port, address);
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return String(answer);
  } finally {
    socket.close();
  }
}

async function ask(transport: string, address: string, port: number, count: number, first: number): Promise<void> {
  const answers: Record<string, number> = {};
  const localPorts = portsInRandomOrder(first);
  let asked = 0;
  const askOn = async (): Promise<void> => {
    while (asked < count) {
      asked += 1;
      const who = await (transport === 'udp' ? askUdp : askTcp)(address, port, localPorts[asked] ?? 0).catch(
        (error: unknown) => `failed: ${String(error)}`,
      );
      answers[who] = (answers[who] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
  process.exit();
}

const [role, what = '', ...rest] = process.argv.slice(2);
if (role === 'serve') await serve(what, rest.map(Number));
else await ask(what, rest[0] ?? '', Number(rest[1]), Number(rest[2]), Number(rest[3] ?? FIRST_PORT));
