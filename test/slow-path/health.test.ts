/** Health checks of backends: what is sent and when, who is believed, and what is written. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import { parseIp } from '../../src/base/address.js';
import { silentLogger } from '../../src/base/log.js';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import type { HealthCheck } from '../../src/model/load-balancer.js';
import type { Answer } from '../../src/slow-path/answer.js';
import { HealthChecks } from '../../src/slow-path/health/health-checks.js';
import { hear, openConnection, type Probe } from '../../src/slow-path/health/probe.js';
import { afterOutcome, intervalMs } from '../../src/slow-path/health/standing.js';
import { encodeFrame, type Frame, type IpContent, parseFrame } from '../../src/slow-path/packets/frame.js';
import { icmpError } from '../../src/slow-path/packets/icmp.js';
import { parseSegment, tcpFlag, tcpReset, tcpSegment } from '../../src/slow-path/packets/tcp.js';
import { datagram, parseDatagram } from '../../src/slow-path/packets/udp.js';
import type { HealthFinding } from '../../src/store/nouns/load-balancer.js';
import { NetworkView } from '../../src/view/network-view.js';
import { twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';

const tcp: HealthCheck = { protocol: 'tcp', port: null, path: '/', intervalS: 6, timeoutS: 2, rise: 2, fall: 3 };
const web1 = '10.1.0.11 8080';
const db2 = '10.2.0.22 8080';

/** What a backend does about what comes. */
type Behaviour = (frame: Frame) => readonly IpContent[];

const silent: Behaviour = () => [];
const refusing: Behaviour = ({ packet }) => {
  const content = parseSegment(packet) === null ? refusedDatagram(packet) : tcpReset(packet);
  return content === null ? [] : [content];
};
const refusedDatagram = (packet: Frame['packet']): IpContent =>
  icmpError({ kind: 'portUnreachable' }, packet, { src: packet.dst, dst: packet.src });

/** Takes connections, and answers requests in these pieces. */
function accepting(...pieces: readonly string[]): Behaviour {
  let next = 0;
  return ({ packet }) => {
    const sent = parseSegment(packet);
    if (sent === null || (sent.flags & tcpFlag.rst) !== 0) return [];
    const isFirst = (sent.flags & tcpFlag.syn) !== 0;
    if (isFirst) next = 0;
    const piece = isFirst ? '' : (pieces[next] ?? '');
    const before = pieces.slice(0, next).join('').length;
    if (!isFirst) next += 1;
    const answer = {
      srcPort: sent.dstPort,
      dstPort: sent.srcPort,
      sequence: isFirst ? 9_000 : 9_001 + before,
      acknowledgment: (sent.sequence + sent.length) >>> 0,
      flags: isFirst ? tcpFlag.syn | tcpFlag.ack : tcpFlag.ack,
      window: 1_000,
      payload: Buffer.from(piece),
    };
    return [tcpSegment(packet.family, { src: packet.dst, dst: packet.src }, answer)];
  };
}

class Bench {
  readonly view = new NetworkView();
  readonly clock = new ManualClock();
  readonly written: HealthFinding[] = [];
  /** When somebody was refused first, and when something was written last. */
  refusedAtMs = 0;
  writtenAtMs = 0;
  /** So many times the store is not there. */
  refusals = 0;
  readonly behaviours = new Map<string, Behaviour>();
  isInCharge = true;
  isConnected = true;
  /** Frames to each port, by key of its hypervisor and its own. */
  sent: Answer[] = [];
  failed: readonly string[] = [];
  readonly checks: HealthChecks;

  /** `more`: backends beside the two that are there, and one that is outside. */
  constructor(
    readonly check: HealthCheck = tcp,
    readonly more: readonly string[] = [],
  ) {
    this.#load();
    this.checks = new HealthChecks({
      view: this.view,
      clock: this.clock,
      log: silentLogger,
      isInCharge: () => this.isInCharge,
      inject: (hypervisorId, answers) => this.#inject(hypervisorId, answers),
      record: findings => this.#record(findings),
    });
    this.checks.chargeMoved();
  }

  #load(): void {
    const network = twoHostNetwork()
      .port('away', 'web', '02:00:00:00:01:09', ['10.1.0.19'])
      .port('foreign', 'web', '02:00:00:00:01:08', ['10.1.0.20'], ['hv1', 8], { projectId: 'another' })
      .loadBalancer('shop', '10.96.0.1', ['10.1.0.11:8080', '10.2.0.22:8080', '198.51.100.7:8080', ...this.more], {
        logicalRouterIds: ['edge'],
        healthCheck: this.check,
        failedBackends: this.failed,
      });
    this.view.replace(network.snapshot());
  }

  #inject(hypervisorId: string, answers: readonly Answer[]): boolean {
    if (!this.isConnected) return false;
    this.sent.push(...answers);
    for (const { frame } of answers) {
      const parsed = parseFrame(frame) ?? assert.fail('no frame');
      const [backend, port, host] =
        parsed.packet.dst === parseIp('10.1.0.11')?.value ? [web1, 'web1', 'hv1'] : [db2, 'db2', 'hv2'];
      assert.equal(hypervisorId, host);
      const behaviour = this.behaviours.get(backend) ?? accepting();
      for (const content of behaviour(parsed)) setImmediate(() => this.answer(content, port, host));
    }
    return true;
  }

  answer(content: IpContent, port: string, hypervisorId: string): boolean {
    const origin = this.view.get('bound-ports', port)?.number ?? assert.fail(port);
    const at = { puntClass: 'health', origin } as unknown as PuntedAt;
    return this.checks.hear({ hypervisorId, at, data: encodeFrame({ ethSrc: 1n, ethDst: 2n }, content) });
  }

  #record(findings: readonly HealthFinding[]): Promise<void> {
    if (this.refusals > 0) {
      this.refusals -= 1;
      return Promise.reject(new Error('no database'));
    }
    this.written.push(...findings);
    this.writtenAtMs = this.clock.nowMs();
    for (const { failed, recovered } of findings)
      this.failed = [...this.failed.filter(name => !recovered.includes(name)), ...failed];
    this.#load();
    return Promise.resolve();
  }

  readonly refusing: Behaviour = frame => {
    this.refusedAtMs ||= this.clock.nowMs();
    return refusing(frame);
  };

  async pass(seconds: number): Promise<void> {
    for (let ms = 0; ms < seconds * 1_000; ms += 200) {
      this.clock.advance(200);
      // There, back, and there again.
      for (let turn = 0; turn < 6; turn += 1) await nextTurn();
    }
  }
}

describe('Health checks', () => {
  it('take out who refuses, within an interval of its first refusal, and bring it back when it is well again', async () => {
    const bench = new Bench();
    await bench.pass(8);
    assert.deepEqual([bench.written, bench.checks.counters.down, bench.checks.size], [[], 0, 2]);
    const ups = bench.checks.counters.up;
    assert.ok(ups >= 2 && ups <= 4, `${ups} in 8 s, every 6 s`);
    bench.behaviours.set(web1, bench.refusing);
    await bench.pass(11);
    assert.deepEqual(bench.written, [{ loadBalancerId: 'shop', failed: [web1], recovered: [] }]);
    assert.ok(bench.writtenAtMs - bench.refusedAtMs <= 6_000 + 400, `${bench.writtenAtMs - bench.refusedAtMs} ms`);
    bench.behaviours.delete(web1);
    await bench.pass(12);
    assert.deepEqual(bench.written.at(-1), { loadBalancerId: 'shop', failed: [], recovered: [web1] });
    assert.equal(bench.written.length, 2);
  });

  it('come from the virtual address and go out of the interface of the backend', async () => {
    const bench = new Bench();
    await bench.pass(2);
    const [first] = bench.sent;
    const frame = parseFrame(first?.frame ?? new Uint8Array()) ?? assert.fail('no frame');
    const segment = parseSegment(frame.packet) ?? assert.fail('no segment');
    assert.equal(frame.packet.src, parseIp('10.96.0.1')?.value);
    assert.ok(segment.srcPort >= 65_280 && segment.dstPort === 8_080);
    assert.equal(first?.into.kind, 'port');
    // A connection that was taken is reset, so that the backend keeps nothing of it.
    const flags = bench.sent.map(({ frame: bytes }) => parseSegment((parseFrame(bytes) ?? frame).packet)?.flags);
    assert.deepEqual(
      flags.toSorted((left, right) => (left ?? 0) - (right ?? 0)),
      [tcpFlag.syn, tcpFlag.syn, tcpFlag.rst | tcpFlag.ack, tcpFlag.rst | tcpFlag.ack],
    );
  });

  it('believe the very port that was asked, where it is, and nobody else', async () => {
    const bench = new Bench({ ...tcp, fall: 1 });
    const heard: (readonly [string, string, boolean])[] = [];
    const forged = (content: IpContent): void => {
      for (const [port, host] of [
        ['web2', 'hv1'],
        ['db2', 'hv2'],
        ['web1', 'hv2'],
      ] as const)
        heard.push([port, host, bench.answer(content, port, host)]);
    };
    bench.behaviours.set(web1, frame => {
      const [reset] = refusing(frame);
      if (reset !== undefined) setImmediate(() => forged(reset));
      return [];
    });
    await bench.pass(1.6);
    assert.deepEqual(
      heard.map(([, , isHeard]) => isHeard),
      [false, false, false],
    );
    assert.deepEqual(bench.written, []);
    // Silence is an answer too, later.
    await bench.pass(3);
    assert.deepEqual(bench.failed, [web1]);
  });

  it('find nothing out while the hypervisor is not connected, or another Weft is in charge, which goes on from what is written', async () => {
    const bench = new Bench({ ...tcp, fall: 1, rise: 3 });
    for (const backend of [web1, db2]) bench.behaviours.set(backend, refusing);
    bench.isConnected = false;
    await bench.pass(20);
    assert.deepEqual([bench.written, bench.checks.counters.skipped >= 4], [[], true]);
    bench.isConnected = true;
    await bench.pass(7);
    assert.deepEqual(bench.failed.toSorted(), [web1, db2]);
    bench.isInCharge = false;
    bench.checks.chargeMoved();
    const sent = bench.sent.length;
    await bench.pass(20);
    assert.equal(bench.sent.length, sent);
    assert.equal(bench.clock.pending, 0);
    bench.isInCharge = true;
    bench.behaviours.clear();
    bench.checks.chargeMoved();
    await bench.pass(4);
    assert.deepEqual(bench.failed.length, 2, 'one good answer of three');
    await bench.pass(6);
    assert.deepEqual(bench.failed, []);
  });

  it('fail whose port is bound nowhere, and are written as soon as there is a database', async () => {
    const bench = new Bench({ ...tcp, fall: 1 }, ['10.1.0.19:8080']);
    bench.refusals = 3;
    await bench.pass(3);
    assert.deepEqual([bench.refusals, bench.failed], [0, ['10.1.0.19 8080']]);
  });

  it('ask no port of another project, past whose security groups they would come', async () => {
    const bench = new Bench({ ...tcp, fall: 1 }, ['10.1.0.20:8080']);
    await bench.pass(3);
    assert.deepEqual([bench.checks.size, bench.failed], [2, []]);
  });

  it('go on while ports come and go', async () => {
    const bench = new Bench({ ...tcp, fall: 1 });
    for (const backend of [web1, db2]) bench.behaviours.set(backend, silent);
    const after = bench.view.get('logical-switch-ports', 'web1');
    for (let n = 0; n < 15; n += 1) {
      await bench.pass(0.2);
      bench.checks.networkMoved({ changes: [{ kind: 'logical-switch-ports', id: 'web1', before: null, after }] });
    }
    await bench.pass(1);
    assert.deepEqual(bench.failed.toSorted(), [web1, db2]);
  });

  it('by HTTP want 2xx or 3xx, in however many pieces it comes', async () => {
    for (const [pieces, isWell] of [
      [['HTTP/1.1 200 OK\r\n'], true],
      [['HTT', 'P/1.0 30', '2 Found\r\nLocation: /\r\n'], true],
      [['HTTP/1.1 503 Service Unavailable\r\n'], false],
      [['SSH-2.0-OpenSSH_9.2'], false],
    ] as const) {
      const bench = new Bench({ ...tcp, protocol: 'http', path: '/ready', fall: 1 });
      bench.behaviours.set(web1, accepting(...pieces));
      bench.behaviours.set(db2, accepting('HTTP/1.1 204 No Content\r\n'));
      await bench.pass(2);
      assert.deepEqual(bench.failed, isWell ? [] : [web1], pieces.join('|'));
      const asked = bench.sent
        .map(({ frame }) => Buffer.from(frame).toString('latin1'))
        .find(text => text.includes('GET'));
      assert.match(asked ?? '', /GET \/ready HTTP\/1\.1\r\nHost: 10\.96\.0\.1\r\n/);
    }
  });

  it('by UDP want nobody to say that nobody listens', async () => {
    const bench = new Bench({ ...tcp, protocol: 'udp', fall: 1 });
    bench.behaviours.set(web1, refusing);
    bench.behaviours.set(db2, silent);
    await bench.pass(4);
    assert.deepEqual(bench.failed, [web1]);
    bench.behaviours.set(web1, ({ packet }) => {
      const asked = parseDatagram(packet) ?? assert.fail('no datagram');
      const { srcPort: dstPort, dstPort: srcPort } = asked;
      return [datagram(4, { src: packet.dst, dst: packet.src }, { srcPort, dstPort, payload: Buffer.from('here') })];
    });
    await bench.pass(12);
    assert.deepEqual(bench.failed, []);
  });
});

describe('A check', () => {
  const connection = (probe: Probe) => (probe.kind === 'connection' ? probe : assert.fail('no connection'));
  const received = { srcPort: 80, dstPort: 65_280, sequence: 7, window: 0, payload: new Uint8Array(), length: 0 };

  it('ends what is left of a connection before, and takes nothing for an answer that is not to what it has sent', () => {
    const { probe } = openConnection(0xffff_ffff, null);
    const opened = connection(probe);
    assert.equal(opened.ours, 0, 'numbers begin again');
    const stale = hear(opened, { ...received, flags: tcpFlag.ack, acknowledgment: 77 });
    assert.deepEqual(
      [stale.outcome, stale.send.map(({ flags, sequence }) => [flags, sequence])],
      [null, [[tcpFlag.rst, 77]]],
    );
    for (const flags of [tcpFlag.rst, tcpFlag.rst | tcpFlag.ack])
      assert.equal(hear(opened, { ...received, flags, acknowledgment: 77 }).outcome, null);
    assert.equal(hear(opened, { ...received, flags: tcpFlag.rst | tcpFlag.ack, acknowledgment: 0 }).outcome, 'down');
    assert.equal(
      hear(opened, { ...received, flags: tcpFlag.syn | tcpFlag.ack, acknowledgment: 0, length: 1 }).outcome,
      'up',
    );
  });

  it('counts in a row, and who is in doubt is asked as often as it takes within one interval', () => {
    let standing = { isFailing: false, contrary: 0 };
    const states = (['down', 'down', 'up', 'down', 'down', 'down', 'up', 'down', 'up', 'up'] as const).map(outcome => {
      standing = afterOutcome(standing, outcome, tcp);
      return [standing.isFailing, intervalMs(standing, tcp)];
    });
    const text = states.map(([isFailing, ms]) => `${isFailing ? 'failing' : 'well'} ${ms}`).join(', ');
    assert.equal(
      text,
      'well 2000, well 2000, well 6000, well 2000, well 2000, failing 6000, failing 3000, failing 6000, failing 3000, well 6000',
    );
  });
});
