/** The slow path between the connections of switches: who is heard, whose turn it is, and what is counted. */
import { nextTurn } from '../../src/base/next-turn.js';
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
import { mostLogged, mostPunts, puntClasses } from '../../src/compiler/pipeline/punt-classes.js';
import { isDue } from '../../src/slow-path/announcements.js';
import { SlowPath } from '../../src/slow-path/slow-path.js';
import { NetworkView } from '../../src/view/network-view.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { ethernet, etherType, ipv4, udp } from '../fixtures/frames.js';

/** A punt connection, and the session that has it. */
class FakeConnection {
  readonly sent: Message[] = [];
  isWritable = true;
  /** So many want it not to be read. */
  holds = 0;
  #listener: (received: ReceivedMessage) => void = () => {};
  readonly channel = {
    connection: {
      state: { kind: 'open' },
      send: (message: Message) => this.sent.push(message),
      holdReading: () => {
        this.holds += 1;
        return () => (this.holds -= 1);
      },
    },
    onMessage: (listener: (received: ReceivedMessage) => void) => (this.#listener = listener),
    onError: () => () => {},
    quieten: () => this.sent.push({ kind: 'setAsync', properties: [] }),
  };
  onOpenFlow: (use: OpenFlowUse, channel: OpenFlowChannel | null) => void = () => {};

  constructor(public hypervisorId: string) {
    Object.defineProperty(this.channel.connection, 'writable', { get: () => this.isWritable });
  }

  get session(): HypervisorSession {
    const hypervisor = { id: this.hypervisorId };
    Object.defineProperty(hypervisor, 'id', { get: () => this.hypervisorId });
    const session = {
      systemId: this.hypervisorId,
      hypervisor,
      punt: null,
      onOpenFlow: (listener: FakeConnection['onOpenFlow']) => (this.onOpenFlow = listener),
    };
    return session as unknown as HypervisorSession;
  }

  connect(use: OpenFlowUse = 'punt'): void {
    this.onOpenFlow(use, this.channel as unknown as OpenFlowChannel);
  }

  /** The packet comes that web1 (or another) has sent through the router with its last TTL. */
  punt(
    origin: number,
    puntClass: number = puntClasses.ttl_exceeded.code,
    more: { ctZone?: number } = {},
    src = '10.1.0.11',
  ): void {
    const at = { puntClass, dropReason: 25, origin, inPort: 1, ...more };
    const loads = set(at).render({ layout, stage: dropCount, drop: dropCount });
    const fields = canonicalMatch([
      matchField(oxm.metadata, 3n),
      ...loads.flatMap(load => (load.kind === 'setField' ? [matchField(load.field, load.value, load.mask)] : [])),
    ]);
    const packet = ipv4({ src, dst: '10.2.0.21' }, 17, udp(1, 2));
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
  const zoneOf = (id: string): number => view.get('bound-ports', id)?.ctZone ?? assert.fail(id);
  const numberOf = (id: string): number => view.get('bound-ports', id)?.number ?? assert.fail(id);
  let clock: ManualClock;
  let slowPath: SlowPath;
  let isInCharge: boolean;
  let host: FakeConnection;

  beforeEach(() => {
    clock = new ManualClock();
    isInCharge = true;
    slowPath = new SlowPath({
      view,
      clock,
      log: silentLogger,
      defaultUnderlayMtu: 1500,
      isInCharge: () => isInCharge,
      recordHealth: () => Promise.resolve(),
      recordHolders: () => Promise.resolve(),
      recordBfd: () => Promise.resolve(),
    });
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
    host.punt(numberOf('web1'), 31);
    host.punt(0);
    await settled();
    assert.equal(host.answers, 0);
    assert.deepEqual(
      [...slowPath.drops],
      [
        ['foreign_port', 1],
        ['unknown_class', 1],
        ['of_no_port', 1],
      ],
    );
  });

  it('answers a port that floods as much as its class allows, and the others as if it were not there', async () => {
    const { burst, perSecond } = puntClasses.ttl_exceeded;
    for (let n = 0; n < 500; n += 1) host.punt(numberOf('web1'));
    assert.equal(slowPath.waiting, burst, 'the queue holds what the allowance lets through');
    for (let n = 0; n < 10; n += 1) host.punt(numberOf('web2'));
    await settled();
    assert.equal(counted().answered, burst + 10);
    assert.deepEqual([...slowPath.drops], [['limit', 500 - burst]]);
    clock.advance(1_000);
    for (let n = 0; n < 500; n += 1) host.punt(numberOf('web1'));
    await settled();
    assert.equal(counted().answered, burst + 10 + perSecond, 'with time it has some again');
  });

  it('answers all that every class of a port allows at once', async () => {
    // A router asks for itself, and its packets are of no port; what is logged or announced, or answers a check, waits for nothing.
    const {
      neighbour: _ofRouters,
      verdict: _log,
      health: _check,
      virtual_address: _holder,
      bfd: _liveness,
      ...ofPorts
    } = puntClasses;
    const all = Object.values(ofPorts);
    for (const { code, burst } of all)
      for (let n = 0; n < burst; n += 1) host.punt(numberOf('web1'), code, { ctZone: zoneOf('web1') });
    assert.equal(
      slowPath.waiting,
      all.reduce((sum, { burst }) => sum + burst, 0),
    );
    await settled();
    assert.deepEqual([slowPath.drops.get('limit'), slowPath.drops.get('queue_full')], [undefined, undefined]);
  });

  it('has whoever sends to a port that rejects pay for it, and not the port', async () => {
    const { code, burst, fromElsewhere } = puntClasses.reject;
    const rejected = (origin: string | null, src?: string): void =>
      host.punt(origin === null ? 0 : numberOf(origin), code, { ctZone: zoneOf('web2') }, src);
    const answered = async (): Promise<number> => {
      await settled();
      return slowPath.counters.find(({ puntClass }) => puntClass === 'reject')?.answered ?? assert.fail();
    };
    for (let n = 0; n < 200; n += 1) rejected('web1');
    assert.equal(await answered(), burst);
    for (let n = 0; n < 200; n += 1) rejected(null, '198.51.100.1');
    assert.equal(await answered(), burst + fromElsewhere.burst);
    // Most others elsewhere are in another part.
    for (let n = 2; n < 42; n += 1) rejected(null, `198.51.100.${n}`);
    assert.ok((await answered()) > burst + fromElsewhere.burst + 20);
    rejected('web2');
    rejected('web2');
    const before = await answered();
    rejected('web2');
    assert.equal(await answered(), before + 1);
  });

  it('reads a switch that sends too much no further for a while, and hears the others', async () => {
    const other = new FakeConnection('hv2');
    slowPath.add(other.session);
    other.connect();
    for (let n = 0; n < mostPunts.burst + 100; n += 1) host.punt(numberOf('web1'));
    assert.equal(slowPath.drops.get('host_limit'), 100);
    assert.equal(host.holds, 1);
    other.punt(numberOf('web3'));
    await settled();
    assert.deepEqual([other.answers, other.holds], [1, 0]);
    clock.advance(100);
    assert.equal(host.holds, 0);
  });

  it('answers others at once, whatever one tenant has logged, and holds its switch back for no honest amount of that', async () => {
    const logged = (count: number): void => {
      for (let n = 0; n < count; n += 1)
        host.punt(numberOf('web1'), puntClasses.verdict.code, { ctZone: zoneOf('web1') });
    };
    // The meters of forty groups, if no meter bounded them together.
    logged(2_000);
    host.punt(numberOf('web2'));
    assert.equal(host.holds, 0);
    assert.equal(slowPath.waiting, 1, 'nothing that is logged waits in front of it');
    await settled();
    assert.equal(host.answers, 1);
    assert.equal(slowPath.drops.get('log_limit'), 2_000 - mostLogged.burst);
    assert.equal(slowPath.drops.get('host_limit'), undefined);
    // It takes nothing of the allowance for what is answered either.
    for (let n = 1; n < mostPunts.burst; n += 1) host.punt(numberOf('web2'));
    assert.deepEqual([slowPath.drops.get('host_limit'), host.holds], [undefined, 0]);
    logged(mostPunts.burst);
    assert.equal(host.holds, 1, 'no meter of anybody lets so much through');
  });

  it('leaves to others what came, and what waits, when it is not in charge any more', async () => {
    host.punt(numberOf('web1'));
    host.punt(numberOf('web1'));
    isInCharge = false;
    // Nobody has said so yet: the process may have stood still.
    host.punt(numberOf('web1'));
    assert.equal(slowPath.drops.get('not_in_charge'), 1);
    slowPath.chargeMoved();
    assert.equal(slowPath.waiting, 0);
    await settled();
    assert.equal(host.answers, 0);
    assert.equal(slowPath.drops.get('not_in_charge'), 3);
    isInCharge = true;
    slowPath.chargeMoved();
    host.punt(numberOf('web1'));
    isInCharge = false;
    await settled();
    assert.deepEqual([host.answers, slowPath.drops.get('not_in_charge')], [0, 4]);
  });

  it('answers nothing that has waited for longer than anybody does', async () => {
    host.punt(numberOf('web1'));
    clock.advance(1_001);
    host.punt(numberOf('web1'));
    await settled();
    assert.equal(host.answers, 1);
    assert.equal(slowPath.drops.get('too_late'), 1);
  });

  it('knows a hypervisor that was registered anew on the same connection', async () => {
    host.hypervisorId = 'hv2';
    host.punt(numberOf('web1'));
    host.punt(numberOf('web3'));
    await settled();
    assert.deepEqual([host.answers, slowPath.drops.get('foreign_port')], [1, 1]);
    const before = host.sent.length;
    host.onOpenFlow('punt', null);
    slowPath.chargeMoved();
    assert.equal(host.sent.length, before);
  });

  describe('announces routers to ports on switches with IPv6', () => {
    const six = new NetworkView();
    six.replace(twoHostNetwork().dhcp('web', 'fd00:1::/64', { gatewayIp: 'fd00:1::1' }).snapshot());
    const options = () => ({
      view: six,
      clock,
      log: silentLogger,
      defaultUnderlayMtu: 1500,
      recordHealth: () => Promise.resolve(),
      recordHolders: () => Promise.resolve(),
      recordBfd: () => Promise.resolve(),
    });

    it('once in ten minutes, as long as it is in charge', () => {
      const announcing = new SlowPath({ ...options(), isInCharge: () => isInCharge });
      const other = new FakeConnection('hv1');
      announcing.add(other.session);
      other.connect();
      for (let at = 0; at < 600; at += 5) clock.advance(5_000);
      // web1 and web2 are there; db1 is on a switch without.
      assert.deepEqual([other.answers, announcing.announced], [2, 2]);
      isInCharge = false;
      for (let at = 0; at < 600; at += 5) clock.advance(5_000);
      assert.equal(other.answers, 2);
      announcing.stop();
    });

    it('at once where a subnet has changed, and to nobody else', () => {
      const announcing = new SlowPath({ ...options(), isInCharge: () => isInCharge });
      const other = new FakeConnection('hv1');
      announcing.add(other.session);
      other.connect();
      const [before] = six.by('subnets', 'logicalSwitchId', 'web').filter(({ dhcp }) => dhcp);
      assert.ok(before !== undefined);
      const turns = ['web1', 'web2'].filter(id => isDue(numberOf(id), clock.nowMs(), clock.nowMs() + 5_000)).length;
      assert.equal(turns, 0, 'nobody has a turn by chance');
      announcing.networkMoved(
        six.apply(2, [{ kind: 'subnets', id: before.id, after: { ...before, dnsServers: ['fd00::53'] } }]),
      );
      clock.advance(5_000);
      assert.equal(other.answers, 2);
      clock.advance(5_000);
      assert.equal(other.answers, 2);
      announcing.stop();
    });
  });

  it('gives nothing to a switch that does not read', async () => {
    host.isWritable = false;
    host.punt(numberOf('web1'));
    await settled();
    assert.equal(host.answers, 0);
    assert.equal(slowPath.drops.get('not_connected'), 1);
  });
});
