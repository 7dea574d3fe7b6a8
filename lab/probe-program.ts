/**
 * Program: sends or receives numbered UDP packets. See probe.ts.
 *   send ADDRESS PORT PACKETS_PER_SECOND    until standard input ends; then prints {"sent": N}
 *   receive ADDRESS PORT                    until standard input ends; then prints what arrived
 * Each prints "ready" on a line of its own first.
 * A packet is: number (32 bits), time of sending (64 bits, monotonic clock in microseconds, the same for both ends).
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const PACKET_BYTES = 64;

const nowUs = (): bigint => process.hrtime.bigint() / 1000n;

async function send(socket: Socket, address: string, port: number, rate: number): Promise<void> {
  socket.connect(port, address);
  await once(socket, 'connect');
  const startUs = nowUs();
  let sent = 0;
  const packet = Buffer.alloc(PACKET_BYTES);
  const sendDue = (): void => {
    const due = Number(((nowUs() - startUs) * BigInt(rate)) / 1_000_000n);
    for (; sent < due; sent += 1) {
      packet.writeUInt32BE(sent, 0);
      packet.writeBigUInt64BE(nowUs(), 4);
      socket.send(Buffer.from(packet));
    }
  };
  // A refused packet (ICMP from the far end or a router) is a lost one: the receiver's numbers show it.
  socket.on('error', () => undefined);
  const timer = setInterval(sendDue, 1);
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ sent })}\n`);
}

async function receive(socket: Socket, address: string, port: number): Promise<void> {
  /** How often each number arrived, and how long it was on its way. */
  const arrivals = new Map<number, { count: number; readonly delayUs: number }>();
  let highest = -1;
  let reordered = 0;
  let lastUs: bigint | null = null;
  let longestGapUs = 0n;
  let longestDelayUs = 0n;
  socket.on('message', packet => {
    const atUs = nowUs();
    const number = packet.readUInt32BE(0);
    const delayUs = atUs - packet.readBigUInt64BE(4);
    if (delayUs > longestDelayUs) longestDelayUs = delayUs;
    if (lastUs !== null && atUs - lastUs > longestGapUs) longestGapUs = atUs - lastUs;
    lastUs = atUs;
    const before = arrivals.get(number);
    if (before === undefined) {
      arrivals.set(number, { count: 1, delayUs: Number(delayUs) });
      if (number < highest) reordered += 1;
    } else before.count += 1;
    highest = Math.max(highest, number);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  socket.setRecvBufferSize(4 * 1024 * 1024);
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  const duplicates = [...arrivals.values()].reduce((sum, { count }) => sum + count - 1, 0);
  const numbers = [...arrivals.keys()].sort((a, b) => a - b);
  const [longestGapMs, longestDelayMs] = [Number(longestGapUs) / 1000, Number(longestDelayUs) / 1000];
  const beforeLoss = numbers.filter((number, at) => numbers[at + 1] !== number + 1).slice(0, -1);
  const delaysUs = beforeLoss.map(number => arrivals.get(number)?.delayUs ?? 0);
  const heldBeforeLossMs = delaysUs.length === 0 ? null : Math.min(...delaysUs) / 1000;
  const timing = { longestGapMs, longestDelayMs, heldBeforeLossMs };
  process.stdout.write(`${JSON.stringify({ numbers, duplicates, reordered, ...timing })}\n`);
}

const [role, address = '', port = '', rate = ''] = process.argv.slice(2);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
await (role === 'send' ? send(socket, address, Number(port), Number(rate)) : receive(socket, address, Number(port)));
socket.close();
