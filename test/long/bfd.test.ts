/**
 * Next hops whose liveness is watched, with BIRD as the neighbours, over both families: who dies is left within the detection time, who comes
 * back is used again, and Weft may end and start again meanwhile. Prints how long whoever was sent to a dead one had no answer.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace, setKernelOptions } from '../../lab/namespaces.js';
import { commandEnvironment, eventually } from '../../lab/processes.js';
import type { RestObject } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, WeftLab } from '../fixtures/weft-lab.js';

const timing = { min_tx_ms: 300, min_rx_ms: 300, detect_multiplier: 3 } as const;
const detectionMs = 900;
/** Behind both next hops. */
const destinations = ['198.51.100.0/24', 'fd00:51::/64'] as const;
const targets = Array.from({ length: 12 }, (_, index) => ({
  4: `198.51.100.${index + 1}`,
  6: `fd00:51::${index + 1}`,
}));
/** By the TTL of an answer it shows who has given it. */
const ttlOf = { m1: 64, m2: 32 } as const;
type Name = keyof typeof ttlOf;

/** BIRD in the namespace of a workload, which speaks BFD with the router and nothing else. */
class Bird {
  #child: ChildProcess | null = null;

  constructor(
    private readonly workload: Workload,
    private readonly directory: string,
    private readonly neighbours: readonly string[],
  ) {}

  start(): void {
    const { name, namespace, mark } = this.workload;
    const configuration = join(this.directory, `${name}.conf`);
    writeFileSync(
      configuration,
      `log stderr all;
router id ${this.workload.address(4)};
protocol device { }
protocol bfd {
  interface "*" { min rx interval 300 ms; min tx interval 300 ms; idle tx interval 1 s; multiplier 3; };
${this.neighbours.map(address => `  neighbor ${address};`).join('\n')}
}
`,
    );
    const socket = join(this.directory, `${name}.ctl`);
    const [file = '', ...args] = inNamespace(namespace, ['bird', '-f', '-c', configuration, '-s', socket]);
    this.#child = spawn(file, args, { env: commandEnvironment(mark), stdio: ['ignore', 'ignore', 'pipe'] });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

describe('next hops that are watched by BFD', function () {
  this.timeout(300_000);
  let weftLab: WeftLab;
  const birds = new Map<Name, Bird>();

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'bird'] });
    weftLab = await WeftLab.create({ hypervisors: 3 });
  });
  after(async () => {
    for (const bird of birds.values()) await bird.stop();
    await weftLab?.remove();
  });

  /** Who answers a ping; null: nobody. */
  async function answering(from: Workload, address: string): Promise<Name | null> {
    const { stdout } = await from.exec(['ping', '-n', '-c', '1', '-W', '1', address], { allowFailure: true });
    const ttl = Number(/ttl=(?<ttl>\d+)/.exec(stdout)?.groups?.['ttl'] ?? 0);
    if (ttl === 0) return null;
    return ttl > ttlOf.m2 ? 'm1' : 'm2';
  }

  const answers = (from: Workload, family: 4 | 6): Promise<readonly (Name | null)[]> =>
    Promise.all(targets.map(target => answering(from, target[family])));

  async function sessions(): Promise<readonly RestObject[]> {
    const rows = await weftLab.client.list('bfd-sessions');
    return [...rows].sort((a, b) => a.name.localeCompare(b.name));
  }

  interface Status {
    readonly state: string;
    readonly diagnostic: string | null;
    readonly since: string | null;
    readonly hypervisor: string | null;
  }
  const statusOf = (row: RestObject): Status => row['status'] as Status;
  const isIn = async (state: string, names: readonly Name[]): Promise<boolean> => {
    const rows = await sessions();
    return rows.every(row => !names.some(name => row.name.startsWith(name)) || statusOf(row).state === state);
  };

  /** How long the ping that has the most to lose had no answer, in milliseconds. */
  async function outageOf(from: Workload, address: string, act: () => Promise<void>, forMs: number): Promise<number> {
    const everyMs = 50;
    const count = String(Math.ceil(forMs / everyMs));
    const command = ['ping', '-n', '-c', count, '-i', String(everyMs / 1_000), '-W', '1', address];
    const pinging = from.exec(command, { allowFailure: true, timeoutMs: forMs + 20_000 });
    await sleep(1_000);
    await act();
    const { stdout } = await pinging;
    const seen = new Set([...stdout.matchAll(/icmp_seq=(\d+)/g)].map(match => Number(match[1])));
    let longest = 0;
    for (let seq = 1, run = 0; seq <= Number(count); seq += 1) {
      run = seen.has(seq) ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    return longest * everyMs;
  }

  it('are left when they are dead, used again when they are back, and stay as they are while Weft restarts', async () => {
    const { client } = weftLab;
    const near = planSwitch({ name: 'near', ports: { a: {} } });
    const behind = { allowed_addresses: destinations.map(cidr => ({ cidr })) };
    const transit = planSwitch({ name: 'transit', ports: { m1: behind, m2: behind } });
    const router = planRouter('r', [near, transit]);
    const objects = await weftLab.build([near, transit, router].flatMap(plan => plan.operations));
    const [a, m1, m2] = await weftLab.plug({ a: 'hv3', m1: 'hv1', m2: 'hv2' });
    assert.ok(a !== undefined && m1 !== undefined && m2 !== undefined);
    const gateways = transit.gateways.map(gateway => gateway.split('/')[0] ?? '');
    const directory = weftLab.lab.state.createDirectory('bird');
    for (const [name, workload] of [
      ['m1', m1],
      ['m2', m2],
    ] as const) {
      for (const cidr of destinations) await workload.exec(['ip', 'route', 'add', 'local', cidr, 'dev', 'lo']);
      const ttl = ttlOf[name];
      await setKernelOptions(workload.namespace, { 'ipv4/ip_default_ttl': ttl, 'ipv6/conf/all/hop_limit': ttl });
      await setKernelOptions(workload.namespace, { [`ipv6/conf/${workload.record.device}/hop_limit`]: ttl });
      const bird = new Bird(workload, directory, gateways);
      birds.set(name, bird);
      bird.start();
    }
    const portId = objects.get('r-transit')?.id ?? assert.fail('no router port');
    await weftLab.build(
      [m1, m2].flatMap(workload =>
        ([4, 6] as const).flatMap((family, index) => [
          create('bfd-sessions', {
            name: `${workload.name} ${family}`,
            logical_router_port_id: portId,
            ip: workload.address(family),
            ...timing,
          }),
          create('static-routes', {
            logical_router_id: router.id,
            destination: destinations[index],
            next_hop: workload.address(family),
          }),
        ]),
      ),
    );
    await eventually('all sessions are up', () => isIn('up', ['m1', 'm2']));
    const begun = await sessions();
    assert.deepEqual(
      begun.map(row => statusOf(row).hypervisor),
      ['hv1', 'hv1', 'hv2', 'hv2'],
    );
    await client.converged();
    const inUse = async (names: readonly Name[]): Promise<boolean> => {
      for (const family of [4, 6] as const) {
        const used = new Set(await answers(a, family));
        if (used.has(null) || used.size !== names.length || !names.every(name => used.has(name))) return false;
      }
      return true;
    };
    await eventually('both are used', () => inUse(['m1', 'm2']));

    // Its cable is out: nobody tells anybody.
    const viaM1 = targets.at((await answers(a, 4)).indexOf('m1'))?.[4] ?? assert.fail('nothing goes by m1');
    const setLink = async (state: 'up' | 'down'): Promise<void> => {
      await m1.exec(['ip', 'link', 'set', m1.record.device, state]);
    };
    const outageMs = await outageOf(a, viaM1, () => setLink('down'), 5_000);
    process.stdout.write(
      `      a dead next hop: no answer for ${outageMs} ms, of a detection time of ${detectionMs} ms\n`,
    );
    assert.ok(await isIn('down', ['m1']));
    assert.ok(await isIn('up', ['m2']));
    for (const row of await sessions())
      if (row.name.startsWith('m1')) assert.equal(statusOf(row).diagnostic, 'control detection time expired');
    assert.ok(await inUse(['m2']));
    // Linux has taken addresses and routes of IPv6 with the device.
    await setLink('up');
    for (const address of m1.record.addresses)
      await m1.exec(['ip', 'address', 'replace', address, 'dev', m1.record.device, 'nodad']);
    for (const gateway of gateways)
      await m1.exec(['ip', 'route', 'replace', 'default', 'via', gateway, 'dev', m1.record.device]);
    await eventually('it is used again', async () => (await isIn('up', ['m1'])) && (await inUse(['m1', 'm2'])));

    // BFD alone is gone, and the neighbour forwards as before: what is not alive is not used all the same.
    await birds.get('m2')?.stop();
    await eventually('the one without BFD is left', async () => (await isIn('down', ['m2'])) && (await inUse(['m1'])));
    birds.get('m2')?.start();
    await eventually('both are used again', async () => (await isIn('up', ['m2'])) && (await inUse(['m1', 'm2'])));

    // Neither a crash nor an orderly end of Weft changes what is known, nor a flow.
    const known = async () => (await sessions()).map(row => [row.name, row['revision'], statusOf(row).since]);
    const before = await known();
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const restart = async (): Promise<void> => {
        await weftLab.weft.stop(signal);
        await sleep(signal === 'SIGKILL' ? 5_000 : 0);
        await weftLab.weft.start();
      };
      assert.equal(await outageOf(a, viaM1, restart, 15_000), 0, `${signal}: answers were lost`);
      await sleep(6_000);
      assert.deepEqual(await known(), before, signal);
      assert.ok(await inUse(['m1', 'm2']));
    }

    // One that nobody wants to know of any more is used, whatever it is.
    await birds.get('m1')?.stop();
    await eventually('it is left', () => isIn('down', ['m1']));
    for (const row of await sessions())
      if (row.name.startsWith('m1'))
        await client.patch('bfd-sessions', row.id, { enabled: false }, { appliedWithinMs: APPLIED_WITHIN_MS });
    assert.ok(await isIn('admin_down', ['m1']));
    assert.ok(await inUse(['m1', 'm2']));
    // With every next hop dead there is no such route.
    await birds.get('m2')?.stop();
    for (const row of await sessions())
      if (row.name.startsWith('m1')) await client.patch('bfd-sessions', row.id, { enabled: true });
    await eventually('none is alive', () => isIn('down', ['m1', 'm2']));
    await client.converged();
    for (const family of [4, 6] as const)
      assert.deepEqual(
        await answers(a, family),
        targets.map(() => null),
      );
  });
});
