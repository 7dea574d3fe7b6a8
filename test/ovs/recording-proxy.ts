/**
 * Stands between ovs-ofctl and a bridge and keeps every OpenFlow message that passes, so that tests can hold our codec
 * against the bytes of Open vSwitch itself, in both directions.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { Framer } from '../../southbound/openflow/framer.js';
import type { DummySwitch } from './dummy-switch.js';

export interface RecordedMessage {
  readonly from: 'client' | 'switch';
  readonly bytes: Uint8Array;
}

export class RecordingProxy {
  readonly messages: RecordedMessage[] = [];
  /** What ovs-ofctl takes as its SWITCH argument. */
  readonly target: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server, target: string) {
    this.server = server;
    this.target = target;
  }

  static async start(openvswitch: DummySwitch, bridge = 'br0'): Promise<RecordingProxy> {
    const file = path.join(openvswitch.directory, `record-${bridge}.sock`);
    const server = createServer();
    const proxy = new RecordingProxy(server, `unix:${file}`);
    server.on('connection', client => proxy.join(client, createConnection(openvswitch.managementSocket(bridge))));
    await new Promise<void>(resolve => {
      server.listen(file, resolve);
    });
    return proxy;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise(resolve => {
      this.server.close(resolve);
    });
  }

  private join(client: Socket, bridge: Socket): void {
    this.forward('client', client, bridge);
    this.forward('switch', bridge, client);
  }

  private forward(from: RecordedMessage['from'], source: Socket, destination: Socket): void {
    const framer = new Framer();
    this.sockets.add(source);
    source.on('data', chunk => {
      framer.push(chunk, bytes => this.messages.push({ from, bytes: bytes.slice() }) > 0);
      destination.write(chunk);
    });
    source.on('close', () => {
      this.sockets.delete(source);
      destination.end();
    });
    source.on('error', () => destination.destroy());
  }
}
