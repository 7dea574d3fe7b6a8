/** Verdicts that security groups want logged, over real Open vSwitch with real traffic. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import { ethernet, etherType, ipv4, udp } from '../fixtures/frames.js';
import { create, planSwitch, type Value } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { serve, tryReach } from './streams.js';

const FAMILIES = [4, 6] as const;
const PATIENCE_MS = 5_000;

type Line = Readonly<Record<string, string | number | null>>;

describe('the log of verdicts', function () {
  this.timeout(90_000);
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });
  const weftLab = usesSharedWeftLab();

  async function logOf(groupId: string): Promise<readonly Line[]> {
    const { body } = await weftLab().client.request('GET', `/v1/security-groups/${groupId}/log`);
    return (body as { readonly items: readonly Line[] }).items;
  }

  it('has the beginning of what is allowed and all that is denied, by rule, at sender and receiver', async () => {
    const [clients, servers] = [randomUUID(), randomUUID()];
    const rule = (groupId: string, value: Value) =>
      create('security-group-rules', { security_group_id: groupId, ...value });
    const tcp = (port: number): Value => ({ protocol: 'tcp', port_min: port, port_max: port });
    const allowing = rule(servers, { direction: 'ingress', ...tcp(80), log: true });
    const rejecting = rule(servers, { direction: 'ingress', ...tcp(81), action: 'reject', log: true });
    const sending = rule(clients, { direction: 'egress', ...tcp(83), action: 'drop', priority: 2_000, log: true });
    const server = { security_groups: [servers] };
    const plan = planSwitch({
      name: 's',
      ports: { client: { security_groups: [clients] }, here: server, far: server },
    });
    await weftLab().build([
      create('security-groups', { name: 'clients' }, clients),
      rule(clients, { direction: 'egress' }),
      sending,
      create('security-groups', { name: 'servers', log_denied: true }, servers),
      allowing,
      rejecting,
      ...plan.operations,
    ]);
    const [client, here, far] = await weftLab().plug({ client: 'hv1', here: 'hv1', far: 'hv2' });
    assert.ok(client !== undefined && here !== undefined && far !== undefined);
    for (const workload of [here, far]) ending.push(await serve(workload, 80, 81));
    const tried: Promise<void>[] = [];
    for (const to of [here, far]) {
      for (const family of FAMILIES) {
        for (const [transport, port, outcome] of [
          ['tcp', 80, 'answered'],
          ['tcp', 81, 'refused'],
          ['udp', 82, 'silence'],
          ['tcp', 83, 'silence'],
        ] as const) {
          const withinMs = outcome === 'silence' ? 1_000 : PATIENCE_MS;
          const what = `${transport} ${port} of ${to.name} over IPv${family}`;
          tried.push(
            tryReach(client, transport, to.address(family), port, withinMs).then(found =>
              assert.equal(found, outcome, what),
            ),
          );
        }
      }
    }
    await Promise.all(tried);
    const seen = (lines: readonly Line[]) =>
      new Set(
        lines.map(line =>
          [
            ...(['verdict', 'direction', 'security_group_rule_id', 'protocol', 'source', 'destination'] as const),
            ...(['destination_port', 'hypervisor'] as const),
          ]
            .map(member => String(line[member] ?? 'none'))
            .join(' '),
        ),
      );
    const ends = [here, far].flatMap(to =>
      FAMILIES.map(family => ({
        ends: `${client.address(family)} ${to.address(family)}`,
        at: to === here ? 'hv1' : 'hv2',
      })),
    );
    const expectedOfServers = ends.flatMap(({ ends: both, at }) => [
      `allow ingress ${allowing.id} 6 ${both} 80 ${at}`,
      `reject ingress ${rejecting.id} 6 ${both} 81 ${at}`,
      `drop ingress none 17 ${both} 82 ${at}`,
    ]);
    await eventually('all of it is logged', async () => seen(await logOf(servers)).size >= 12, PATIENCE_MS);
    assert.deepEqual([...seen(await logOf(servers))].sort(), expectedOfServers.sort());
    assert.deepEqual(
      [...seen(await logOf(clients))].sort(),
      ends.map(({ ends: both }) => `drop egress ${sending.id} 6 ${both} 83 hv1`).sort(),
    );
    // Of a connection its beginning only, whatever it then says.
    const begun = (await logOf(servers)).filter(line => line['security_group_rule_id'] === allowing.id);
    assert.ok(begun.length < 4 + 3, `${begun.length} lines of 4 connections`);
    const log = weftLab().weft.logTail(500);
    assert.match(log, new RegExp(`"name":"verdicts".*"rule":"${allowing.id}".*"destinationPort":80`));
  });

  it('takes as much of a flood as its limits say, and of others all', async () => {
    const [flooded, calm] = [randomUUID(), randomUUID()];
    const plan = planSwitch({
      name: 's',
      ports: { noisy: {}, target: { security_groups: [flooded] }, quiet: { security_groups: [calm] } },
    });
    await weftLab().build([
      create('security-groups', { name: 'flooded', log_denied: true }, flooded),
      create('security-groups', { name: 'calm', log_denied: true }, calm),
      ...plan.operations,
    ]);
    const [noisy, target, quiet] = await weftLab().plug({ noisy: 'hv1', target: 'hv2', quiet: 'hv2' });
    assert.ok(noisy !== undefined && target !== undefined && quiet !== undefined);
    const packet = ipv4({ src: noisy.address(4), dst: target.address(4) }, 17, udp(1_000, 2_000));
    const frame = ethernet({ src: noisy.record.mac, dst: target.record.mac }, etherType.ipv4, packet);
    const beganAt = Date.now();
    const flood = sendFrames(
      noisy,
      Array.from({ length: 3_000 }, () => frame),
      { isPaced: true },
    );
    for (const port of [1, 2, 3]) await tryReach(noisy, 'udp', quiet.address(4), port, 200);
    await flood;
    const tookS = (Date.now() - beganAt) / 1_000;
    const ports = new Set((await logOf(calm)).map(line => line['destination_port']));
    assert.deepEqual(ports, new Set([1, 2, 3]));
    const text = await (await fetch(`${weftLab().weft.client.url}/metrics`)).text();
    const came = Number(/^weft_punts_total\{class="verdict"\} (\d+)$/m.exec(text)?.[1]);
    assert.ok(came > 0 && came < 50 * (tookS + 3), `${came} of the flood came to Weft in ${tookS} s`);
    const meters = await weftLab().lab.hypervisor('hv2').openVswitch.ofctl('meter-stats', 'br-int');
    assert.match(meters, /packet_count:[1-9]/);
  });
});
