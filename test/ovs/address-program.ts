/**
 * Program: says over TCP and UDP who asks. `serve NAME PORT..` answers `NAME ADDRESS`, with the address that the question has come from, until
 * its input ends; `ask tcp|udp ADDRESS PORT` prints the answer, or `none`.
 */
import { createSocket, type SocketType } from 'node:dgram';
import { createConnection, createServer } from 'node:net';

const [verb, ...rest] = process.argv.slice(2);
const timeoutMs = 3_000;

/** As the other side writes it, where both families are on one socket. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

function serve([name = '', ...ports]: readonly string[]): void {
  let waiting = ports.length * 2;
  const ready = (): void => {
    waiting -= 1;
    if (waiting === 0) process.stdout.write('ready\n');
  };
  for (const port of ports.map(Number)) {
    createServer(socket => {
      socket.on('error', () => socket.destroy());
      socket.end(`${name} ${plain(socket.remoteAddress)}`);
    }).listen(port, '::', ready);
    const datagrams = createSocket({ type: 'udp6' });
    datagrams.on('message', (_, from) => {
      datagrams.send(`${name} ${plain(from.address)}`, from.port, from.address);
    });
    datagrams.bind(port, '::', ready);
  }
  process.stdin.on('end', () => process.exit(0)).resume();
}

function finish(answer: string): never {
  process.stdout.write(`${answer}\n`);
  process.exit(0);
}

function ask([transport = '', address = '', port = '']: readonly string[]): void {
  setTimeout(() => finish('none'), timeoutMs);
  if (transport === 'udp') {
    const type: SocketType = address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket(type);
    socket.on('message', message => finish(message.toString()));
    socket.on('error', () => finish('none'));
    socket.send('?', Number(port), address);
    return;
  }
  let answer = '';
  const socket = createConnection({ host: address, port: Number(port) });
  socket.on('data', data => {
    answer += data.toString();
  });
  socket.on('end', () => finish(answer));
  socket.on('error', () => finish('none'));
}

if (verb === 'serve') serve(rest);
else ask(rest);
