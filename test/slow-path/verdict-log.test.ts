/** What is logged of verdicts: in whose words, how much of it, and that a switch is believed only about its own ports. */
import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { accountOf } from '../../src/slow-path/answer.js';
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
