/**
 * Program: carries TCP connections from the lab's management network to a controller on the machine's loopback.
 *
 *   hypervisor ── 198.51.100.1:6640 (a socket that belongs to the underlay's namespace) ── 127.0.0.1:6640 controller
 *
 * The listening sockets are opened by a child inside the namespace (namespace-listener.ts) and handed over to this
 * process, which lives outside: a socket stays in the namespace where it was made. So a controller with its default
 * options serves a lab, and the machine's own network gets no device, address or route.
 * Bytes pass unchanged; when either side closes, resets or cannot be reached, so does the other.
 *
 * Arguments: NAMESPACE LISTEN_ADDRESS PORT,PORT,... The ports are the same on both sides, but for those given as LISTEN=DIAL.
 */
import { spawn } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inNamespace } from './namespaces.js';

const [namespace = '', address = '', portList = ''] = process.argv.slice(2);
/** Port inside -> port of 127.0.0.1. */
const ports = new Map(
  portList.split(',').map(pair => {
    const [listen = '', dial = listen] = pair.split('=');
    return [Number(listen), Number(dial)];
  }),
);

function relay(inside: Socket, port: number): void {
  const outside = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  inside.setNoDelay(true);
  for (const [from, to] of [
    [inside, outside],
    [outside, inside],
  ] as const) {
    from.pipe(to);
    // A reset, or nobody listening: the peer shall see a reset too, not an orderly end.
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => to.destroySoon());
  }
}

function openListeners(): Promise<void> {
  const program = fileURLToPath(new URL('namespace-listener.js', import.meta.url));
  const [file = '', ...args] = inNamespace(namespace, [
    process.execPath,
    program,
    address,
    [...ports.keys()].join(','),
  ]);
  const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let opened = 0;
  return new Promise((resolve, reject) => {
    child.on('message', (message, handle) => {
      const { port } = message as { port: number };
      (handle as Server).on('connection', (socket: Socket) => relay(socket, ports.get(port) ?? port));
      opened += 1;
      child.send('taken');
    });
    child.on('error', reject);
    child.on('exit', status => {
      if (status === 0 && opened === ports.size) resolve();
      else reject(new Error(`opened ${opened} of ${ports.size} listeners in ${namespace}`));
    });
  });
}

await openListeners();
process.send?.('ready');
