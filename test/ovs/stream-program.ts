/**
 * Program: one-way streams for tests of what lets connections live.
 *   serve PORT...               TCP and UDP, both families: whoever connects, or sends a datagram, is sent a tick every 40 ms
 *   watch tcp|udp ADDRESS PORT  connects, sends once, and prints a line for each tick; then never sends anything but what TCP must
 *   exchange ADDRESS PORT       UDP from this port to the same of the other side, every 40 ms; prints a line for each tick that comes from there
 * Each prints "ready" on a line of its own first; `watch` says "failed" where it does not come so far. Ends with its standard input.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const TICK_MS = 40;
const CONNECT_WITHIN_MS = 4_000;

async function serve(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer(connection => {
      const timer = setInterval(() => connection.write('.'), TICK_MS);
      connection.on('error', () => undefined);
      connection.on('close', () => clearInterval(timer));
    });
    server.listen(port, '::');
    await once(server, 'listening');
    for (const type of ['udp4', 'udp6'] as const) {
      const socket = createSocket({ type, ipv6Only: type === 'udp6' });
      socket.on('error', () => undefined);
      socket.on('message', (_message, { address, port: to }) => {
        setInterval(() => socket.send('.', to, address, () => undefined), TICK_MS);
      });
      socket.bind(port);
      await once(socket, 'listening');
    }
  }
}

const tick = (): boolean => process.stdout.write('tick\n');

async function watchTcp(address: string, port: number): Promise<void> {
  const connection = connect(port, address);
  connection.on('error', () => undefined);
  connection.on('data', tick);
  await once(connection, 'connect', { signal: AbortSignal.timeout(CONNECT_WITHIN_MS) });
}

async function watchUdp(address: string, port: number): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.on('message', tick);
  socket.send('x', port, address);
  await once(socket, 'message', { signal: AbortSignal.timeout(CONNECT_WITHIN_MS) });
}

async function exchange(address: string, port: number): Promise<void> {
  // The other family has a socket of its own on that port.
  const type = address.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('error', () => undefined);
  socket.on('message', tick);
  socket.bind(port);
  await once(socket, 'listening');
  setInterval(() => socket.send('.', port, address, () => undefined), TICK_MS);
}

const [role, ...rest] = process.argv.slice(2);
try {
  const [transport, address = '', port = ''] = rest;
  if (role === 'serve') await serve(rest.map(Number));
  else if (role === 'exchange') await exchange(transport ?? '', Number(address));
  else await (transport === 'udp' ? watchUdp : watchTcp)(address, Number(port));
  process.stdout.write('ready\n');
} catch {
  process.stdout.write('failed\n');
}
process.stdin.resume();
await once(process.stdin, 'end');
process.exit();
