/** The fake switch against a real one: the same script on both, told apart by nothing. */
import assert from 'node:assert/strict';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import {
  encodeFlowRemove,
  encodeGroupRemove,
  flowImage,
  flowVersion,
  groupMessage,
  putFlowAdd,
} from '../../src/delivery/encoding.js';
import { bundleId, bundleOpen, messageImage } from '../../src/delivery/encoding.js';
import { clone, group, meter, output, resubmit, type Action } from '../../southbound/openflow/actions.js';
import { OpenFlowError } from '../../southbound/openflow/connection-types.js';
import { encodeBundleAdd, type Message } from '../../southbound/openflow/message-codec.js';
import { bundleControl, type BundleControl } from '../../southbound/openflow/messages/bundle.js';
import { flowRequest } from '../../southbound/openflow/messages/flow-stats.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import { Version } from '../../southbound/openflow/version.js';
import { Writer } from '../../southbound/wire/writer.js';
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import { fakeSwitch } from '../fakes/fake-switch.js';
import { refusals } from '../fakes/switch-tables.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { flow, openChannel } from './support.js';

type Connect = () => Promise<OpenFlowChannel>;

/** Plays one controller and writes down everything that the switch answers. */
class Player {
  readonly heard: string[] = [];
  readonly #channel: OpenFlowChannel;

  constructor(channel: OpenFlowChannel) {
    this.#channel = channel;
    channel.onError(error => this.heard.push(`error to ${error.xid}: ${error.code}`));
  }

  write(...messages: Uint8Array[]): void {
    for (const bytes of messages) this.#channel.connection.write(bytes);
  }

  async barrier(): Promise<void> {
    await this.#channel.connection.barrier();
  }

  async ask(what: string, message: Message & { kind: 'bundleControl' | 'roleRequest' }): Promise<void> {
    try {
      const reply = await this.#channel.connection.request<'bundleControl' | 'roleRequest'>(message);
      this.heard.push(`${what}: ${reply.kind === 'roleReply' ? `${reply.role} ${reply.generationId}` : reply.type}`);
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error;
      this.heard.push(`${what}: ${error.code}`);
    }
  }

  control(type: BundleControl['type'] & string): Promise<void> {
    return this.ask(type, bundleControl(type, bundleId));
  }

  async send(what: string, message: Message): Promise<void> {
    const before = this.heard.length;
    this.#channel.connection.send(message, 0x9000_0000);
    await this.barrier();
    if (this.heard.length === before) this.heard.push(`${what}: taken`);
  }

  /** Adds these to a bundle, and commits it as delivery would not: without looking. */
  async bundle(...messages: Uint8Array[]): Promise<void> {
    this.write(bundleOpen, ...messages);
    await this.barrier();
    await this.control('commit_request');
  }

  async content(): Promise<void> {
    const { connection } = this.#channel;
    const flows = (await connection.multipart<'flow'>(flowRequest())).flatMap(part => part.flows);
    const images = flows.map(one => flowImage({ ...one, table: one.tableId })).map(one => one.identity + one.value);
    const groups = (await connection.multipart<'groupDescription'>({ kind: 'groupDescription', groupId: 0xffff_fffc }))
      .flatMap(part => part.groups)
      .map(({ type, groupId, buckets, properties }) =>
        messageImage(groupMod({ command: 'add_or_modify', type, groupId, buckets, properties })),
      );
    const all = [...images, ...groups].map(text => Buffer.from(text, 'latin1').toString('hex'));
    this.heard.push(`holds ${all.toSorted().join(' ')}`);
  }
}

const cookie = 0x5e00_0000_0000_0001n;
const add = (table: number, actions: readonly Action[], xid: number, ofCookie = cookie): Uint8Array => {
  const writer = new Writer(flowVersion);
  putFlowAdd(writer, flow(table, 1, actions), ofCookie, xid);
  return writer.finish();
};
const remove = (table: number, xid: number, ofCookie = cookie): Uint8Array =>
  encodeFlowRemove(flow(table, 1), ofCookie, xid);
const makeGroup = (id: number, table: number, xid: number): Uint8Array =>
  encodeBundleAdd(
    bundleId,
    ['atomic', 'ordered'],
    groupMessage({ id, type: 'all', buckets: [{ bucketId: 1, actions: [resubmit(table)] }] }),
    xid,
    Version.openflow15,
  );

async function script(connect: Connect): Promise<string[]> {
  const player = new Player(await connect());
  await player.bundle(add(1, [output(1)], 0x8000_0100), add(2, [group(5)], 0x8000_0101));
  await player.content();
  await player.bundle(makeGroup(5, 7, 0x8000_0102), add(2, [group(5)], 0x8000_0103), add(1, [], 0x8000_0104));
  await player.content();
  await player.bundle(remove(1, 0x8000_0105, cookie + 1n), makeGroup(5, 8, 0x8000_0106));
  await player.content();
  await player.bundle(add(1, [output(2)], 0x8000_0107, cookie + 1n), remove(1, 0x8000_0108));
  await player.content();
  await player.bundle(add(255, [output(2)], 0x8000_0109), add(3, [output(3)], 0x8000_010a));
  await player.content();
  await player.bundle(encodeGroupRemove(5, 0x8000_010b));
  await player.content();
  player.write(bundleOpen, add(4, [output(3)], 0x8000_010c));
  await player.control('discard_request');
  await player.control('commit_request');
  player.write(bundleOpen, bundleOpen);
  await player.barrier();
  await player.control('commit_request');
  await player.content();
  const meterMod = (command: 'add' | 'modify' | 'delete', meterId: number): Message => ({
    kind: 'meterMod',
    command,
    meterId,
    flags: ['kbps'],
    bands: command === 'delete' ? [] : [{ kind: 'drop', rate: 5, burstSize: 5 }],
  });
  for (const [command, id] of [
    ['add', 1],
    ['add', 1],
    ['modify', 2],
    ['modify', 1],
    ['delete', 2],
    ['delete', 1],
  ] as const) {
    await player.send(`meter ${command} ${id}`, meterMod(command, id));
  }
  await player.bundle(add(5, [meter(1)], 0x8000_0120), add(6, [output(1)], 0x8000_0121));
  await player.content();
  await player.send('meter for flows', meterMod('add', 1));
  await player.bundle(add(5, [meter(1)], 0x8000_0122), add(6, [clone([meter(1)]), output(1)], 0x8000_0123));
  await player.send('another', meterMod('add', 2));
  await player.bundle(add(8, [meter(1), meter(2)], 0x8000_0127), add(9, [meter(2), meter(1)], 0x8000_0128));
  await player.content();
  await player.bundle(add(7, [clone([meter(9)])], 0x8000_0124));
  await player.send('meter with flows goes', meterMod('delete', 1));
  await player.content();
  await player.send('and the other', meterMod('delete', 2));
  await player.bundle(remove(6, 0x8000_0125), remove(7, 0x8000_0126));
  await player.send('zone', { kind: 'ctFlushZone', zone: 7 });
  const called = { kind: 'destination', address: (0xffffn << 32n) | 0x0a60_0001n } as const;
  const properties = [{ kind: 'original', tuple: [called, { kind: 'destinationPort', port: 80 }] }] as const;
  await player.send('connections', { kind: 'ctFlush', ipProto: 6, properties });
  const role = (name: 'master' | 'slave' | 'nochange', generationId: bigint): Promise<void> =>
    player.ask(`${name} ${generationId}`, { kind: 'roleRequest', role: name, generationId });
  await role('nochange', 0n);
  await role('master', 7n);
  await role('master', 6n);
  const other = new Player(await connect());
  await other.ask('another', { kind: 'roleRequest', role: 'master', generationId: 8n });
  await role('nochange', 0n);
  await player.send('zone of one who is not the master', { kind: 'ctFlushZone', zone: 7 });
  player.write(bundleOpen, add(1, [output(9)], 0x8000_0110));
  await player.barrier();
  await player.control('commit_request');
  await role('master', 8n);
  await player.bundle(remove(1, 0x8000_0111, cookie + 1n), remove(3, 0x8000_0112));
  await player.content();
  return [...player.heard, ...other.heard];
}

describe('the fake switch', function () {
  this.timeout(20_000);

  it('answers as Open vSwitch does', async () => {
    const ovs = await DummySwitch.start();
    const channels: OpenFlowChannel[] = [];
    const play = (dial: () => Duplex): Promise<string[]> =>
      script(async () => {
        const channel = await openChannel(dial());
        channels.push(channel);
        return channel;
      });
    try {
      const real = await play(() => net.connect(ovs.managementSocket()));
      const fake = fakeSwitch({
        refuse: ({ message }) => (message.kind === 'flowMod' && message.tableId === 255 ? refusals.badTable : null),
      });
      assert.deepEqual(await play(() => fake.connect()), real);
    } finally {
      for (const channel of channels) channel.close('test is over');
      await ovs.stop();
    }
  });
});
