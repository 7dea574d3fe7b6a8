/** BFD sessions of router ports: from where they run, who is believed, what is written and when, against a neighbour in simulated time. */
import assert from 'node:assert/strict';
import { formatMac, parseIp } from '../../src/base/address.js';
import { silentLogger } from '../../src/base/log.js';
import { nextTurn } from '../../src/base/next-turn.js';
import type { RowOf } from '../../src/model/index.js';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import type { Answer } from '../../src/slow-path/answer.js';
import { BfdSessions } from '../../src/slow-path/bfd/bfd-sessions.js';
import { begin, elapse, hear, nextAtMs, type Session, type Step } from '../../src/slow-path/bfd/session.js';
import { type ControlPacket, encodeControl, parseControl } from '../../src/slow-path/packets/bfd.js';
import { encodeFrame, parseFrame } from '../../src/slow-path/packets/frame.js';
import { datagram, parseDatagram } from '../../src/slow-path/packets/udp.js';
import type { BfdFinding } from '../../src/store/nouns/bfd-session.js';
import { bfdPlace } from '../../src/view/bfd-places.js';
import { NetworkView, type RowChange } from '../../src/view/network-view.js';
import type { NetworkBuilder } from '../compiler/network-builder.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';

const timing = { minTxMs: 300, minRxMs: 300, detectMultiplier: 3 } as const;
const since = '2026-11-22T08:00:00.000Z';
const ends = { src: parseIp('10.2.0.22')?.value ?? 0n, dst: parseIp('10.2.0.1')?.value ?? 0n };
const stepMs = 10;

/** db2, which speaks BFD. */
class Neighbour {
  session: Session;
  isThere = true;
  readonly said: ControlPacket[] = [];
  readonly heard: ControlPacket[] = [];
  /** States that it was in. */
  readonly states: string[] = [];

  constructor(readonly bench: Bench) {
    this.session = begin(77, timing, bench.moment);
  }

  hear(packet: ControlPacket): void {
    if (!this.isThere) return;
    this.heard.push(packet);
    const step = hear(this.session, packet, this.bench.moment);
    if (step !== null) this.take(step);
  }

  pass(): void {
    if (this.isThere && this.bench.clock.nowMs() >= nextAtMs(this.session))
      this.take(elapse(this.session, this.bench.moment));
  }

  take({ session, send }: Step): void {
    this.session = session;
    if (this.states.at(-1) !== session.state) this.states.push(session.state);
    for (const packet of send) {
      this.said.push(packet);
      this.bench.answer(packet);
    }
  }
}

interface From {
  readonly port?: string;
  readonly hypervisor?: string;
  readonly ttl?: number;
  readonly src?: bigint;
}

class Bench {
  readonly view = new NetworkView();
  readonly clock = new ManualClock();
  readonly written: (BfdFinding & { readonly atMs: number })[] = [];
  readonly arriving: (() => void)[] = [];
  isInCharge = true;
  isConnected = true;
  refusals = 0;
  sent: { readonly hypervisorId: string; readonly answer: Answer }[] = [];
  row: Partial<RowOf<'bfd-sessions'>> | null;
  sessions: BfdSessions;
  readonly neighbour: Neighbour;

  constructor(row: Partial<RowOf<'bfd-sessions'>> = {}) {
    this.row = { ...timing, ...row };
    this.load();
    this.neighbour = new Neighbour(this);
    this.sessions = this.startWeft();
  }

  get moment() {
    return { nowMs: this.clock.nowMs(), jitter: 0.5 };
  }

  /** Another process, or the same one started again. */
  startWeft(): BfdSessions {
    this.sessions = new BfdSessions({
      view: this.view,
      clock: this.clock,
      log: silentLogger,
      isInCharge: () => this.isInCharge,
      isGone: () => false,
      isConnected: () => this.isConnected,
      inject: (hypervisorId, answers) => this.#inject(hypervisorId, answers),
      record: findings => this.#record(findings),
    });
    this.sessions.chargeMoved();
    return this.sessions;
  }

  load(): void {
    const network = twoHostNetwork();
    this.view.replace(
      (this.row === null ? network : network.bfd('watch', 'edge-db', '10.2.0.22', this.row)).snapshot(),
    );
  }

  /** As somebody writes it. */
  change(row: Partial<RowOf<'bfd-sessions'>> | null): void {
    const before = this.view.get('bfd-sessions', 'watch');
    this.row = row === null ? null : { ...this.row, ...row };
    this.load();
    const after = this.view.get('bfd-sessions', 'watch');
    const changes = [{ kind: 'bfd-sessions', id: 'watch', before, after }] as unknown as readonly RowChange[];
    this.sessions.networkMoved({ changes });
  }

  #inject(hypervisorId: string, answers: readonly Answer[]): boolean {
    if (!this.isConnected) return false;
    for (const answer of answers) {
      this.sent.push({ hypervisorId, answer });
      const packet = parseFrame(answer.frame)?.packet ?? assert.fail('no frame');
      const control = parseControl(parseDatagram(packet)?.payload ?? new Uint8Array(0)) ?? assert.fail('no BFD');
      this.arriving.push(() => this.neighbour.hear(control));
    }
    return true;
  }

  answer(packet: ControlPacket): void {
    if (this.isConnected) this.arriving.push(() => this.say(packet));
  }

  say(packet: ControlPacket, { port = 'db2', hypervisor = 'hv2', ttl = 255, src = ends.src }: From = {}): boolean {
    const at = {
      puntClass: 'bfd',
      origin: this.view.get('bound-ports', port)?.number ?? 0,
      datapath: this.view.get('logical-routers', 'edge')?.datapathKey,
      inPort: this.view.get('logical-router-ports', 'edge-db')?.portKey,
    } as unknown as PuntedAt;
    const content = datagram(4, { ...ends, src }, { srcPort: 50_000, dstPort: 3784, payload: encodeControl(packet) });
    const data = encodeFrame({ ethSrc: 1n, ethDst: 2n }, { ...content, ttl });
    return this.sessions.hear({ hypervisorId: hypervisor, at, data });
  }

  #record(findings: readonly BfdFinding[]): Promise<void> {
    if (this.refusals > 0) {
      this.refusals -= 1;
      return Promise.reject(new Error('no database'));
    }
    this.written.push(...findings.map(finding => ({ ...finding, atMs: this.clock.nowMs() })));
    for (const { isUp, diagnostic } of findings) this.row = { ...this.row, finding: { isUp, diagnostic, since } };
    this.load();
    return Promise.resolve();
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      this.neighbour.pass();
      for (let next = this.arriving.shift(); next !== undefined; next = this.arriving.shift()) next();
      if (passed % 100 === 0) await nextTurn();
    }
    await nextTurn();
  }

  /** What was written, without the times. */
  get findings() {
    return this.written.map(({ isUp, diagnostic }) => [isUp ? 'up' : 'down', diagnostic]);
  }

  static async up(row: Partial<RowOf<'bfd-sessions'>> = {}): Promise<Bench> {
    const bench = new Bench(row);
    await bench.pass(3_000);
    assert.deepEqual(bench.findings, [['up', 0]]);
    return bench;
  }
}

describe('BFD with neighbours of routers', () => {
  it('runs from the router port, on the hypervisor of the neighbour, to it and with a TTL of 255', async () => {
    const bench = await Bench.up();
    const [first] = bench.sent;
    assert.ok(first !== undefined && bench.sent.every(({ hypervisorId }) => hypervisorId === 'hv2'));
    const frame = parseFrame(first.answer.frame) ?? assert.fail('no frame');
    assert.deepEqual(
      [formatMac(frame.ethSrc), frame.packet.ttl, frame.packet.src, frame.packet.dst],
      [mac.gatewayDb, 255, ends.dst, ends.src],
    );
    const { srcPort, dstPort } = parseDatagram(frame.packet) ?? assert.fail('no datagram');
    assert.ok(srcPort >= 49_152 && dstPort === 3784);
    assert.deepEqual(first.answer.into, {
      kind: 'neighbour',
      datapath: bench.view.get('logical-switches', 'db')?.datapathKey,
      inPort: bench.view.get('logical-router-ports', 'edge-db')?.switchPortKey,
      neighbour: parseIp('10.2.0.22'),
    });
    assert.deepEqual([...bench.sessions.states], [['up', 1]]);
  });

  it('finds a neighbour dead within the detection time, and alive again', async () => {
    const bench = await Bench.up();
    await bench.pass(5_000);
    bench.neighbour.isThere = false;
    const goneAtMs = bench.clock.nowMs();
    await bench.pass(1_500);
    assert.deepEqual(bench.findings.slice(1), [['down', 1]]);
    const afterMs = (bench.written[1]?.atMs ?? 0) - goneAtMs;
    assert.ok(afterMs <= 900 + 2 * stepMs, `${afterMs} ms`);
    bench.neighbour.isThere = true;
    await bench.pass(4_000);
    assert.deepEqual(bench.findings.slice(2), [['up', 0]]);
    assert.deepEqual(bench.sessions.counters.up, 2);
  });

  it('goes on where another Weft was, so that neither end notices', async () => {
    const bench = await Bench.up({ minTxMs: 1_000, minRxMs: 1_000 });
    const before = bench.neighbour.states.length;
    bench.sessions.stop();
    await bench.pass(400);
    bench.startWeft();
    await bench.pass(10_000);
    assert.deepEqual(bench.findings, [['up', 0]]);
    assert.deepEqual([...bench.sessions.states], [['up', 1]]);
    assert.equal(bench.neighbour.states.length, before);
    assert.equal(bench.neighbour.states.at(-1), 'up');
  });

  it('has nobody for dead before a session had the time to come up', async () => {
    const bench = await Bench.up();
    bench.sessions.stop();
    // The neighbour notices, and waits.
    await bench.pass(30_000);
    bench.startWeft();
    await bench.pass(10_000);
    assert.deepEqual(bench.findings, [['up', 0]]);
    assert.equal(bench.neighbour.session.state, 'up');
    bench.sessions.stop();
    bench.neighbour.isThere = false;
    bench.startWeft();
    const startedAtMs = bench.clock.nowMs();
    await bench.pass(3_500);
    assert.equal(bench.written.length, 1);
    await bench.pass(2_000);
    assert.deepEqual(bench.findings.slice(1), [['down', 1]]);
    assert.ok((bench.written[1]?.atMs ?? 0) - startedAtMs >= 4_000);
  });

  it('finds nothing out of the silence of a hypervisor that is not connected', async () => {
    const bench = await Bench.up();
    bench.isConnected = false;
    await bench.pass(60_000);
    bench.isConnected = true;
    await bench.pass(10_000);
    assert.deepEqual(bench.findings, [['up', 0]]);
    assert.equal(bench.neighbour.session.state, 'up');
  });

  it('does nothing where another Weft is in charge', async () => {
    const bench = await Bench.up();
    bench.isInCharge = false;
    bench.sessions.chargeMoved();
    bench.sent = [];
    bench.neighbour.isThere = false;
    await bench.pass(10_000);
    assert.deepEqual([bench.sent.length, bench.written.length, bench.clock.pending], [0, 1, 0]);
  });

  it('believes the port that has the address, where it is, and what nobody has forwarded', async () => {
    const bench = await Bench.up();
    const down = { ...(bench.neighbour.said.at(-1) ?? assert.fail()), state: 'down', yourDiscriminator: 0 } as const;
    for (const [from, name] of [
      [{ port: 'db1', hypervisor: 'hv1' }, 'another port'],
      [{ hypervisor: 'hv1' }, 'another hypervisor'],
      [{ port: 'nobody' }, 'no port'],
      [{ ttl: 254 }, 'somebody further away'],
      [{ src: ends.src + 1n }, 'another address'],
    ] as const)
      assert.equal(bench.say(down, from), false, name);
    assert.equal(bench.say({ ...down, state: 'up', yourDiscriminator: 12_345 }), false);
    await bench.pass(500);
    assert.deepEqual([...bench.sessions.states.keys()], ['up']);
    assert.equal(bench.say(down), true);
    assert.deepEqual([...bench.sessions.states.keys()], ['down']);
  });

  it('tells the neighbour of a session that is disabled or deleted, and then leaves it', async () => {
    for (const row of [{ enabled: false }, null]) {
      const bench = await Bench.up();
      bench.change(row);
      await bench.pass(4_500);
      assert.equal(bench.neighbour.session.remote.state, 'admin_down');
      assert.equal(bench.sessions.states.size, 0);
      bench.sent = [];
      await bench.pass(5_000);
      assert.deepEqual([bench.sent.length, bench.written.length], [0, 1]);
      bench.change({ ...timing, enabled: true, finding: null });
      await bench.pass(5_000);
      assert.deepEqual(bench.findings.slice(1), [['up', 0]]);
    }
  });

  it('takes a neighbour at which somebody has turned BFD off for dead, at once', async () => {
    const bench = await Bench.up();
    await bench.pass(2_000);
    const off = { ...(bench.neighbour.said.at(-1) ?? assert.fail()), state: 'admin_down', poll: false } as const;
    bench.neighbour.isThere = false;
    assert.equal(bench.say(off), true);
    await bench.pass(100);
    assert.deepEqual(bench.findings.slice(1), [['down', 3]]);
  });

  it('takes other times on without a pause', async () => {
    const bench = await Bench.up();
    bench.change({ minTxMs: 1_000, minRxMs: 500, detectMultiplier: 4 });
    await bench.pass(5_000);
    const { remote } = bench.neighbour.session;
    assert.deepEqual([remote.minTxMs, remote.minRxMs, remote.detectMultiplier], [1_000, 500, 4]);
    assert.deepEqual(bench.neighbour.states.at(-1), 'up');
    assert.deepEqual(bench.findings, [['up', 0]]);
  });

  it('writes again what could not be written', async () => {
    const bench = new Bench();
    bench.refusals = 2;
    await bench.pass(6_000);
    assert.deepEqual(bench.findings, [['up', 0]]);
  });

  it('writes a neighbour that comes and goes no more than once a second', async () => {
    const bench = await Bench.up();
    const said = bench.neighbour.said.at(-1) ?? assert.fail();
    bench.neighbour.isThere = false;
    const ours = bench.view.get('bfd-sessions', 'watch')?.number ?? 0;
    for (let count = 0; count < 100; count += 1) {
      bench.say({ ...said, poll: false, state: 'down', yourDiscriminator: ours });
      bench.say({ ...said, poll: false, state: 'init', yourDiscriminator: ours });
      await bench.pass(100);
    }
    assert.ok(bench.written.length <= 12, `${bench.written.length} times in ten seconds`);
  });
});

describe('The place of a BFD session', () => {
  const nobodyGone = (): boolean => false;
  const placeIn = (network: NetworkBuilder, isGone: (id: string, key: number) => boolean = nobodyGone) => {
    const view = new NetworkView();
    view.replace(network.snapshot());
    const place = bfdPlace(view, view.get('bfd-sessions', 'watch') ?? assert.fail(), isGone);
    return typeof place === 'string' ? place : `${place.hypervisorId} ${place.origin === null ? 'outside' : 'inside'}`;
  };
  const watching = (ip: string, port = 'edge-db') => twoHostNetwork().bfd('watch', port, ip);

  it('is that of the port with the address, as the router finds it', () => {
    assert.equal(placeIn(watching('10.2.0.21')), 'hv1 inside');
    assert.equal(placeIn(watching('fd00:2::22')), 'hv2 inside');
    assert.match(placeIn(watching('10.2.0.99')), /no port/);
    assert.match(placeIn(watching('10.7.0.9')), /no network/);
    assert.match(placeIn(watching('10.2.0.31').port('db3', 'db', '02:00:00:00:02:03', ['10.2.0.31'])), /not bound/);
    const told = watching('10.2.0.21').staticNeighbour('other', 'edge-db', '10.2.0.21', mac.db2);
    assert.equal(placeIn(told), 'hv2 inside');
    const moving = (holder: string | null) =>
      placeIn(watching('10.2.0.88').virtualAddress('vip', 'db', '10.2.0.88', ['db1', 'db2'], holder));
    assert.equal(moving('db2'), 'hv2 inside');
    assert.match(moving(null), /no port/);
  });

  it('is the gateway, where the neighbour is outside', () => {
    const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
    const network = () =>
      twoHostNetwork({ bridgeMappings, gateway: true })
        .hypervisor('hv3', { bridgeMappings, gateway: true })
        .providerSwitch('dmz', 'physnet1', null)
        .router('border', { gateway: { logicalSwitchId: 'dmz', hypervisors: ['hv1', 'hv3'] } })
        .attach('border-dmz', 'border', 'dmz', '0a:00:00:00:00:09', ['203.0.113.1/24'])
        .bfd('watch', 'border-dmz', '203.0.113.254');
    assert.equal(placeIn(network()), 'hv1 outside');
    assert.equal(
      placeIn(network(), id => id === 'hv3'),
      'hv3 outside',
    );
    const none = twoHostNetwork()
      .providerSwitch('dmz', 'physnet1', null)
      .router('border', { gateway: { logicalSwitchId: 'dmz', hypervisors: null } })
      .attach('border-dmz', 'border', 'dmz', '0a:00:00:00:00:09', ['203.0.113.1/24'])
      .bfd('watch', 'border-dmz', '203.0.113.254');
    assert.match(placeIn(none), /no gateway/);
  });
});
