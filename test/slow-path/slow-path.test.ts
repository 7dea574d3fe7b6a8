/** The slow path between the connections of switches: who is heard, whose turn it is, and what is counted. */
import assert from 'node:assert/strict';
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import type { HypervisorSession, OpenFlowUse } from '../../southbound/hypervisor/session.js';
import type { Message, ReceivedMessage } from '../../southbound/openflow/message-codec.js';
import { canonicalMatch, matchField } from '../../southbound/openflow/match.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { silentLogger } from '../../src/base/log.js';
import { set } from '../../src/compiler/pipeline/actions.js';
import { dropCount } from '../../src/compiler/pipeline/physical.js';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { puntClasses } from '../../src/compiler/pipeline/punt-classes.js';
import { nextTurn } from '../../src/delivery/encoding.js';
import { SlowPath } from '../../src/slow-path/slow-path.js';
import { NetworkView } from '../../src/view/network-view.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { ethernet, etherType, ipv4, udp } from '../fixtures/frames.js';

/** A punt connection, and the session that has it. */
class FakeConnection {
  readonly sent: Message[] = [];
  isWritable = true;
  #listener: (received: ReceivedMessage) => void = () => {};
  readonly channel = {
    connection: {
      state: { kind: 'open' },
      send: (message: Message) => this.sent.push(message),
    },
    onMessage: (listener: (received: ReceivedMessage) => void) => (this.#listener = listener),
    onError: () => () => {},
    quieten: () => this.sent.push({ kind: 'setAsync', properties: [] }),
  };
  onOpenFlow: (use: OpenFlowUse, channel: OpenFlowChannel | null) => void = () => {};

  constructor(readonly hypervisorId: string) {
    Object.defineProperty(this.channel.connection, 'writable', { get: () => this.isWritable });
  }

  get session(): HypervisorSession {
    const session = {
      systemId: this.hypervisorId,
      hypervisor: { id: this.hypervisorId },
      punt: null,
      onOpenFlow: (listener: FakeConnection['onOpenFlow']) => (this.onOpenFlow = listener),
    };
    return session as unknown as HypervisorSession;
  }

  connect(use: OpenFlowUse = 'punt'): void {
    this.onOpenFlow(use, this.channel as unknown as OpenFlowChannel);
  }

  /** The packet comes that web1 (or another) has sent through the router with its last TTL. */
  punt(origin: number, puntClass: number = puntClasses.ttl_exceeded.code): void {
    const at = { puntClass, dropReason: 25, origin, inPort: 1 };
    const loads = set(at).render({ layout, stage: dropCount, drop: dropCount });
    const fields = canonicalMatch([
      matchField(oxm.metadata, 3n),
      ...loads.flatMap(load => (load.kind === 'setField' ? [matchField(load.field, load.value, load.mask)] : [])),
    ]);
    const packet = ipv4({ src: '10.1.0.11', dst: '10.2.0.21' }, 17, udp(1, 2));
    const data = new Uint8Array(
      Buffer.from(ethernet({ src: mac.web1, dst: mac.gatewayWeb }, etherType.ipv4, packet), 'hex'),
    );
    const properties = [{ kind: 'packet', data } as const, { kind: 'metadata', fields } as const];
    this.#listener({ version: 6, xid: 0, message: { kind: 'packetIn2', properties } });
  }

  get answers(): number {
    return this.sent.filter(({ kind }) => kind === 'packetOut').length;
  }
}

describe('The slow path', () => {
  const view = new NetworkView();
  view.replace(twoHostNetwork().snapshot());
  const numberOf = (id: string): number => view.get('bound-ports', id)?.number ?? assert.fail(id);
  let clock: ManualClock;
  let slowPath: SlowPath;
  let isInCharge: boolean;
  let host: FakeConnection;

  beforeEach(() => {
    clock = new ManualClock();
    isInCharge = true;
    slowPath = new SlowPath({ view, clock, log: silentLogger, isInCharge: () => isInCharge });
    host = new FakeConnection('hv1');
    slowPath.add(host.session);
    host.connect();
  });

  async function settled(): Promise<void> {
    while (slowPath.waiting > 0) await nextTurn();
    await nextTurn();
  }

  const counted = () => slowPath.counters.find(({ puntClass }) => puntClass === 'ttl_exceeded') ?? assert.fail();

  it('asks for packets on the connections for them only, and only while this Weft is in charge', () => {
    assert.deepEqual(
      host.sent.map(({ kind }) => kind),
      ['setPacketInFormat', 'setControllerId', 'setAsync'],
    );
    isInCharge = false;
    slowPath.chargeMoved();
    assert.deepEqual(host.sent.at(-1), { kind: 'setAsync', properties: [] });
    const flows = new FakeConnection('hv2');
    slowPath.add(flows.session);
    flows.connect('flows');
    assert.deepEqual(flows.sent, []);
    isInCharge = true;
    host.onOpenFlow('punt', null);
    const before = host.sent.length;
    slowPath.chargeMoved();
    assert.equal(host.sent.length, before, 'a connection that is gone is asked nothing');
  });

  it('answers what ports of that hypervisor send, and counts it', async () => {
    host.punt(numberOf('web1'));
    await settled();
    assert.equal(host.answers, 1);
    const { received, answered } = counted();
    assert.deepEqual([received, answered], [1, 1]);
  });

  it('does not believe a hypervisor that names a port of another, nor a class that nobody knows', async () => {
    host.punt(numberOf('web3'));
    host.punt(numberOf('web1'), 15);
    await settled();
    assert.equal(host.answers, 0);
    assert.deepEqual(
      [...slowPath.drops],
      [
        ['foreign_port', 1],
        ['unknown_class', 1],
      ],
    );
  });

  it('answers a port that floods as much as its class allows, and the others as if it were not there', async () => {
    for (let n = 0; n < 5_000; n += 1) host.punt(numberOf('web1'));
    for (let n = 0; n < 10; n += 1) host.punt(numberOf('web2'));
    assert.ok(slowPath.waiting <= 32 + 10);
    await settled();
    const { burst } = puntClasses.ttl_exceeded;
    const refused = (slowPath.drops.get('limit') ?? 0) + (slowPath.drops.get('queue_full') ?? 0);
    assert.equal(counted().answered + refused, 5_010);
    assert.ok(counted().answered <= burst + 10);
    assert.equal(slowPath.drops.get('limit'), 5_000 - burst);
    clock.advance(1_000);
    host.punt(numberOf('web1'));
    await settled();
    assert.ok((slowPath.drops.get('limit') ?? 0) === 5_000 - burst, 'with time it has some again');
  });

  it('gives nothing to a switch that does not read', async () => {
    host.isWritable = false;
    host.punt(numberOf('web1'));
    await settled();
    assert.equal(host.answers, 0);
    assert.equal(slowPath.drops.get('not_connected'), 1);
  });
});
