/** What is logged of verdicts: in whose words, how much of it, and that a switch is believed only about its own ports. */
import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { accountOf } from '../../src/slow-path/answer.js';
import { silentLogger } from '../../src/base/log.js';
import { KeptVerdicts } from '../../src/slow-path/kept-verdicts.js';
import { VerdictLog } from '../../src/slow-path/verdict-log.js';
import { NetworkView } from '../../src/view/network-view.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { ethernet, etherType, ipv4, ipv6, udp } from '../fixtures/frames.js';

function frameOf(family: 4 | 6, protocol: number, payload: string): Uint8Array {
  const packet =
    family === 4
      ? ipv4({ src: '192.0.2.7', dst: '10.1.0.30' }, protocol, payload)
      : ipv6({ src: '2001:db8::7', dst: 'fd00:1::30' }, protocol, payload);
  const type = family === 4 ? etherType.ipv4 : etherType.ipv6;
  return new Uint8Array(Buffer.from(ethernet({ src: mac.web2, dst: mac.web1 }, type, packet), 'hex'));
}

describe('The log of verdicts', () => {
  const view = new NetworkView();
  const network = twoHostNetwork()
    .securityGroup('servers', { logDenied: true })
    .securityGroup('others', { logDenied: true })
    .rule('https', 'servers', 'ingress', { protocol: 'tcp', portMin: 443, log: true })
    .rule('foreign', 'others', 'ingress', { protocol: 'tcp', log: true });
  for (const [id, place] of [
    ['guarded', 7],
    ['too', 8],
  ] as const)
    network.port(id, 'web', `02:00:00:00:01:3${place}`, [`10.1.0.3${place}`], ['hv1', place], {
      securityGroups: ['servers'],
      projectId: 'alice',
    });
  view.replace(network.snapshot());
  const port = (id: string) => view.get('bound-ports', id) ?? assert.fail(id);
  const groupNumber = (id: string): number => view.get('security-groups', id)?.number ?? assert.fail(id);
  const ruleNumber = (id: string): number => view.get('security-group-rules', id)?.number ?? assert.fail(id);
  const allowed: PuntedAt = {
    puntClass: 'verdict',
    dropReason: null,
    origin: port('web2').number,
    datapath: 1,
    inPort: 1,
    outPort: 2,
    outHost: 0,
    ctZone: port('guarded').ctZone,
    aclGroup: groupNumber('servers'),
    aclRule: ruleNumber('https'),
    verdict: 'allow',
    direction: 'ingress',
    nextHop: { 4: 0n, 6: 0n },
    flood: 0,
  };
  const denied: PuntedAt = { ...allowed, aclRule: 0, verdict: 'none' };
  const tcp = frameOf(4, 6, `c00001bb${'00'.repeat(8)}5002ffff00000000`);
  let clock: ManualClock;
  let lines: Record<string, unknown>[];
  let log: VerdictLog;

  beforeEach(() => {
    clock = new ManualClock();
    lines = [];
    const sink = { write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>) };
    log = new VerdictLog({ view, clock, log: pino({ base: null, timestamp: false }, sink) });
  });

  /** As the slow path does. */
  function take(at: PuntedAt, data: Uint8Array, hypervisorId = 'hv1') {
    const punted = { hypervisorId, at, data };
    const account = accountOf(view, punted);
    return typeof account === 'string' ? account : log.take(punted, account.port ?? assert.fail('of no port'));
  }

  it('says who decided what about which packet', () => {
    assert.equal(take(allowed, tcp), null);
    const { level: _, ...line } = lines[0] ?? {};
    assert.deepEqual(line, {
      name: 'verdicts',
      msg: 'verdict',
      verdict: 'allow',
      direction: 'ingress',
      project: 'alice',
      port: 'guarded',
      securityGroup: 'servers',
      rule: 'https',
      hypervisor: 'hv1',
      protocol: 6,
      source: '192.0.2.7',
      destination: '10.1.0.30',
      sourcePort: 49_152,
      destinationPort: 443,
      icmpType: null,
      icmpCode: null,
      suppressed: 0,
    });
    assert.equal(take({ ...denied, direction: 'egress' }, frameOf(6, 58, '8000000000000000')), null);
    assert.deepEqual(
      ['verdict', 'direction', 'rule', 'source', 'sourcePort', 'icmpType', 'icmpCode'].map(key => lines[1]?.[key]),
      ['drop', 'egress', null, '2001:db8::7', null, 128, 0],
    );
    const [newest, oldest] = log.latest('servers');
    assert.deepEqual([newest?.ruleId, oldest?.ruleId, log.latest('others').length], [null, 'https', 0]);
  });

  it('takes a packet that is cut off anywhere', () => {
    for (let length = 0; length <= tcp.length; length += 1) {
      const outcome = take(allowed, tcp.subarray(0, length));
      assert.ok(outcome === null || outcome === 'malformed', `${length}: ${outcome}`);
    }
  });

  it('says of a packet what is certain where a sender hides the rest behind headers', () => {
    // 33 x 8 bytes of destination options, and TCP behind them: after the 256 bytes that come.
    const hidden = frameOf(6, 60, `0620${'00'.repeat(262)}c00001bb${'00'.repeat(16)}`);
    assert.equal(take(allowed, hidden.subarray(0, 256)), null);
    assert.deepEqual(
      ['protocol', 'source', 'destination', 'sourcePort', 'destinationPort'].map(key => lines[0]?.[key]),
      [null, '2001:db8::7', 'fd00:1::30', null, null],
    );
    assert.equal(take(allowed, hidden.subarray(0, 53)), 'malformed');
  });

  it('keeps lines without writing them, or neither, as it is told', () => {
    const other = (verdictLogMode: 'memory' | 'off') => {
      const quiet = new VerdictLog({ view, clock, log: silentLogger, verdictLogMode });
      const outcome = quiet.take({ hypervisorId: 'hv1', at: allowed, data: tcp }, port('guarded'));
      return [outcome, quiet.latest('servers').length];
    };
    assert.deepEqual(
      [other('memory'), other('off')],
      [
        [null, 1],
        ['log_off', 0],
      ],
    );
  });

  it('believes a switch only about ports that are bound there, and their own groups and rules', () => {
    assert.equal(take(allowed, tcp, 'hv2'), 'foreign_port');
    assert.equal(take({ ...allowed, aclGroup: groupNumber('others') }, tcp), 'unknown_rule');
    assert.equal(take({ ...allowed, aclRule: ruleNumber('foreign') }, tcp), 'unknown_rule');
    assert.equal(take({ ...allowed, ctZone: port('web1').ctZone }, tcp), 'unknown_rule');
    assert.deepEqual(lines, []);
  });

  it('writes so many lines for one project, says how many it left out, and then goes on', () => {
    const outcomes = Array.from({ length: 300 }, () => take(denied, frameOf(4, 17, udp(1, 2))));
    assert.deepEqual([outcomes.filter(each => each === null).length, lines.length], [100, 100]);
    assert.ok(outcomes.slice(100).every(each => each === 'log_limit'));
    log.pass(port('guarded'));
    clock.advance(1_000);
    assert.equal(take({ ...denied, ctZone: port('too').ctZone }, tcp), null);
    assert.equal(take(denied, tcp), null);
    assert.deepEqual(
      lines.slice(-2).map(({ port: id, suppressed }) => [id, suppressed]),
      [
        ['too', 0],
        ['guarded', 201],
      ],
    );
    assert.equal(log.latest('servers').length, 100);
  });
});

describe('Kept lines of verdicts', () => {
  const limits = { group: 10, project: 30, all: 100 };

  it('are so many of a group and of a project, the newest', () => {
    const kept = new KeptVerdicts<number>(limits);
    for (let line = 0; line < 15; line += 1) kept.keep('alice', 'one', line);
    assert.deepEqual(kept.latest('alice', 'one'), [14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
    for (let line = 0; line < 100; line += 1) kept.keep('alice', `many ${line}`, line);
    assert.equal(kept.size, 30);
    assert.deepEqual([kept.latest('alice', 'one'), kept.latest('alice', 'many 99')], [[], [99]]);
  });

  it('of one project are not forgotten because others have many, until there are more projects than lines', () => {
    const kept = new KeptVerdicts<number>(limits);
    for (let line = 0; line < 5; line += 1) kept.keep('quiet', 'group', line);
    for (let line = 0; line < 1_000; line += 1) kept.keep(`loud ${line % 6}`, `group ${line % 60}`, line);
    assert.equal(kept.latest('quiet', 'group').length, 5);
    assert.ok(kept.size <= limits.all && kept.size > limits.all / 2, `${kept.size}`);
    for (let project = 0; project < 300; project += 1) kept.keep(`one of many ${project}`, 'group', project);
    assert.ok(kept.size <= limits.all, `${kept.size}`);
    assert.deepEqual(kept.latest('one of many 299', 'group'), [299]);
  });
});
