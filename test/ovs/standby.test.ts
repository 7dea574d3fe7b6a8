/**
 * Two Wefts on one database: hypervisors know both, one is in charge. The other stands by, says so, and takes over without
 * touching a flow; an owner that slept through that is refused by the switch itself.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { INTEGRATION_BRIDGE } from '../../lab/hypervisor.js';
import { Lab } from '../../lab/lab.js';
import { ping, Probe } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { removeLeftovers } from '../../lab/state.js';
import { differences, readSwitchState } from '../../lab/switch-state.js';
import { WeftReplyError } from '../../lab/weft-client.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Workload } from '../../lab/workload.js';
import { dialSwitch } from '../delivery/support.js';
import { udhcpc } from '../fixtures/dhcp-clients.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planSwitch, type Value } from '../fixtures/topology.js';
import { tryReach } from './streams.js';

const hypervisors = ['hv1', 'hv2'];
/** The lease's time to live, a third of it until the next attempt, and the claim on a busy machine: some four seconds if it is not. */
const takeoverBoundMs = 15_000;

async function roleOf(weft: WeftProcess): Promise<unknown> {
  return ((await weft.client.request('GET', '/readyz')).body as { role: unknown }).role;
}

async function statesSeenBy(weft: WeftProcess): Promise<readonly unknown[]> {
  return (await weft.client.list('hypervisors')).map(hypervisor => hypervisor['state']);
}

describe('two Wefts on one database', function () {
  this.timeout(60_000);
  let lab: Lab | null = null;
  let databaseUrl = '';
  let first: WeftProcess;
  let second: WeftProcess;
  let firstFlowsPort = 0;
  let a: Workload;
  let b: Workload;

  const theLab = (): Lab => lab ?? assert.fail('no lab');

  async function plug(weft: WeftProcess, name: string, hypervisor: string): Promise<Workload> {
    const port = await weft.client.workloadPort(name);
    const workload = await theLab().addWorkload(hypervisor, port);
    await weft.client.portUp(port.portId, hypervisor);
    return workload;
  }

  /** Role by target, of the connections for flows, as the switch itself says. */
  async function roles(hypervisor: string): Promise<ReadonlyMap<string, string>> {
    const columns = ['--columns=target,role,is_connected', '--format=csv', '--no-headings', 'list', 'Controller'];
    const text = await theLab()
      .hypervisor(hypervisor)
      .openVswitch.ovsctl(...columns);
    const rows = text
      .trim()
      .split('\n')
      .map(line => line.split(',').map(cell => cell.replaceAll('"', '')));
    return new Map(rows.map(([target = '', role = '', isConnected]) => [target, isConnected === 'true' ? role : '']));
  }

  const masters = async (hypervisor: string): Promise<readonly string[]> =>
    [...(await roles(hypervisor))].flatMap(([target, role]) => (role === 'master' ? [target] : []));

  const switchStates = () => Promise.all(theLab().hypervisors.map(readSwitchState));

  async function youngestFlowS(): Promise<number> {
    const flows = await Promise.all(theLab().hypervisors.map(hypervisor => hypervisor.flows()));
    return Math.min(...flows.flat().map(flow => Number(/duration=([0-9.]+)s/.exec(flow)?.[1] ?? 0)));
  }

  async function currentTerm(): Promise<bigint> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ term: string }>(`SELECT term::text FROM leases WHERE name = 'fleet'`);
    await client.end();
    return BigInt(rows[0]?.term ?? 0);
  }

  /** Of packets that switches sent it: those that it answered, and those that came when it was not its turn. */
  async function puntsOf(weft: WeftProcess): Promise<readonly [answered: number, notInCharge: number]> {
    const text = await (await fetch(`${weft.client.url}/metrics`)).text();
    const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
    return [
      sum(/^weft_punts_answered_total\{[^}]*\} (\d+)$/gm),
      sum(/^weft_punts_dropped_total\{reason="not_in_charge"\} (\d+)$/gm),
    ];
  }

  /** A rejected connection is refused: by whoever is in charge, on the hypervisor of the receiver. */
  async function isRefused(): Promise<boolean> {
    return (await tryReach(a, 'tcp', b.address(4), 81, 5_000)) === 'refused';
  }

  /** Keeps `weft` busy with changes of the switches, whether or not it answers. */
  async function writeUntil(signal: AbortSignal, weft: WeftProcess): Promise<void> {
    const [net] = await weft.client.list('logical-switches');
    for (let n = 0; !signal.aborted; n += 1) {
      await weft.client
        .create('logical-switch-ports', { name: `written-${n}`, logical_switch_id: net?.id, hypervisor: 'hv1' })
        .catch((error: unknown) => {
          if (error instanceof WeftReplyError) throw error;
        });
    }
  }

  /** Returns how long it took until `weft` was in charge of all hypervisors, milliseconds. */
  async function takesOver(weft: WeftProcess): Promise<number> {
    const startedMs = performance.now();
    await eventually('it takes over', async () => (await roleOf(weft)) === 'active', takeoverBoundMs);
    await weft.client.hypervisorsReady(hypervisors);
    return performance.now() - startedMs;
  }

  before(async function () {
    this.timeout(120_000);
    requires(this, { root: true, tools: [...LAB_TOOLS, 'busybox'] });
    await removeLeftovers();
    databaseUrl = (await (await sharedPostgres())?.createDatabase()) ?? assert.fail('no Postgres');
    const controller = await freeControllerPorts();
    firstFlowsPort = controller.openflow;
    const standby = await freeControllerPorts();
    const made = await Lab.create({
      hypervisors: hypervisors.length,
      name: `standby-${process.pid}`,
      controller,
      standby,
      ephemeral: true,
    });
    lab = made;
    const environment = made.state.mark;
    const weft = async (name: string, ports: typeof controller): Promise<WeftProcess> =>
      new WeftProcess({
        directory: made.state.createDirectory(name),
        httpPort: await freePort(),
        controller: ports,
        databaseUrl,
        environment,
      });
    first = await weft('first', controller);
    second = await weft('second', standby);
    await first.start();
    await made.join();
    await first.client.hypervisorsReady(hypervisors);
    await second.start();
    const rejecting = randomUUID();
    const rule = (value: Value) => create('security-group-rules', { security_group_id: rejecting, ...value });
    const net = planSwitch({ name: 'net', ports: { a: {}, b: { security_groups: [rejecting] }, c: {} } });
    await first.client.transaction(
      [
        create('security-groups', { name: 'rejecting' }, rejecting),
        rule({ direction: 'ingress' }),
        rule({ direction: 'egress' }),
        rule({ direction: 'ingress', protocol: 'tcp', action: 'reject', priority: 2_000 }),
        ...net.operations,
      ],
      { appliedWithinMs: 10_000 },
    );
    a = await plug(first, 'a', 'hv1');
    b = await plug(first, 'b', 'hv2');
    assert.equal((await ping(a, b.address(4))).received, 3);
  });

  afterEach(function () {
    if (this.currentTest?.state !== 'failed') return;
    for (const weft of [first, second]) process.stderr.write(`\nThe end of a Weft's log:\n${weft.logTail(40)}\n`);
  });

  after(async () => {
    for (const weft of [first, second]) await weft?.stop();
    await lab?.remove();
  });

  it('the second stands by and says so, and is connected to every switch', async () => {
    assert.deepEqual([await roleOf(first), await roleOf(second)], ['active', 'standby']);
    await eventually('it says so', async () => /"role":"standby"/.test(second.logTail(400)));
    await eventually('the second is connected', async () => {
      const states = await statesSeenBy(second);
      return states.length === hypervisors.length && states.every(state => state === 'standby');
    });
    assert.deepEqual(await statesSeenBy(first), ['ready', 'ready']);
    for (const name of hypervisors) {
      await eventually('four connections', async () => {
        const connected = [...(await roles(name)).values()].filter(role => role !== '');
        return connected.length === 4;
      });
      await eventually('one master', async () => (await masters(name)).length === 1);
    }
    const { body } = await second.client.request('GET', `/v1/logical-switch-ports?name=a`);
    assert.match(JSON.stringify(body), /stands by/);
  });

  it('takes over after kill -9 without touching a flow, and hears what happened meanwhile', async () => {
    const probe = await Probe.start({ from: a, to: b });
    const before = await switchStates();
    const mastersBefore = await masters('hv1');
    await sleep(500);
    const killedMs = performance.now();
    await first.stop('SIGKILL');
    const tookMs = await takesOver(second);
    process.stdout.write(`      in charge ${Math.round(performance.now() - killedMs)} ms after the kill\n`);
    assert.ok(tookMs < takeoverBoundMs);
    await second.client.converged();
    assert.ok((await youngestFlowS()) > (performance.now() - killedMs) / 1000);
    for (const [index, state] of (await switchStates()).entries()) {
      assert.deepEqual(differences(before[index] ?? assert.fail(), state), []);
    }
    // Open vSwitch writes the roles down every 5 s.
    await eventually('another master', async () => {
      const [master] = await masters('hv1');
      return master !== undefined && master !== mastersBefore[0];
    });
    const { sent, lost } = await probe.stop();
    assert.equal(lost, 0, `lost ${lost} of ${sent}`);
  });

  it('hears of a workload that came while nobody was in charge', async () => {
    await first.start();
    await eventually('the first stands by', async () =>
      (await statesSeenBy(first)).every(state => state === 'standby'),
    );
    const port = await first.client.workloadPort('c');
    await second.stop('SIGKILL');
    const c = await theLab().addWorkload('hv1', port);
    await first.client.portUp(port.portId, 'hv1');
    assert.equal((await ping(c, b.address(4))).received, 3);
    await second.start();
    assert.deepEqual([await roleOf(first), await roleOf(second)], ['active', 'standby']);
  });

  it('refuses an owner that slept through the change, by the switch itself', async () => {
    if ((await roleOf(first)) !== 'active') {
      // A second try begins where the first did.
      await second.stop();
      await takesOver(first);
      await second.start();
    }
    const term = await currentTerm();
    await eventually('what is rejected is refused', isRefused);
    const punts = { first: await puntsOf(first), second: await puntsOf(second) };
    // Open vSwitch writes the roles down every 5 s: until then they are those of the owner before.
    const mine = await eventually('the first is master', async () =>
      (await masters('hv1')).find(target => target.endsWith(`:${firstFlowsPort}`)),
    );
    const writer = new AbortController();
    const writing = writeUntil(writer.signal, first);
    try {
      await sleep(300);
      process.kill(first.pid, 'SIGSTOP');
      // It waits for the sleeper: a switch gives a silent connection up after some seconds, and sends it nothing from then on.
      const cameForTheSleeper = isRefused();
      await takesOver(second);
      await cameForTheSleeper;
      assert.equal(await currentTerm(), term + 1n);
      // A slave, or nothing where the switch has ended the connection meanwhile, which has brought no echo.
      await eventually('the sleeper is no master', async () => (await roles('hv1')).get(mine) !== 'master');
      await eventually('the other one answers', isRefused);
      // Leases are not kept anywhere: the other one gives out the same.
      assert.equal((await udhcpc(a))?.values.get('ip'), a.address(4));
      process.kill(first.pid, 'SIGCONT');
      await eventually('the sleeper stands by', async () => (await roleOf(first)) === 'standby');
    } finally {
      process.kill(first.pid, 'SIGCONT');
      writer.abort();
      await writing;
    }
    // Lines are written in groups, a moment later.
    await eventually('the sleeper says so', () => Promise.resolve(/lease lost/.test(first.logTail(400))));
    // What came for it meanwhile has been answered by the other one, once.
    const [answered, notInCharge] = await puntsOf(first);
    assert.equal(answered, punts.first[0]);
    assert.ok(notInCharge > punts.first[1]);
    assert.ok((await puntsOf(second))[0] > punts.second[0]);
    // What the sleeper could still try: to claim the switch under its own term.
    const socket = join(theLab().hypervisor('hv1').openVswitch.directory, `${INTEGRATION_BRIDGE}.mgmt`);
    const impostor = await dialSwitch(socket);
    assert.deepEqual(await impostor.claimRole(term), { kind: 'stale', currentTerm: term + 1n });
    impostor.close('done');
    await second.client.converged();
    await second.client.hypervisorsReady(hypervisors);
    assert.equal((await ping(a, b.address(4))).received, 3);
  });

  it('gives the lease up at an orderly end, and its rows go when the host forgets it', async () => {
    await second.client.converged();
    const before = await switchStates();
    await second.stop();
    const tookMs = await takesOver(first);
    process.stdout.write(`      in charge ${Math.round(tookMs)} ms after an orderly end\n`);
    const hypervisor = theLab().hypervisor('hv1').openVswitch;
    const [target = ''] = theLab().hypervisor('hv1').managerTargets;
    // Not `set-manager`: that would make a new row for a target that stays.
    const rows = await hypervisor.ovsctl('--columns=_uuid,target', '--format=csv', '--no-headings', 'list', 'Manager');
    const gone = rows
      .trim()
      .split('\n')
      .find(row => !row.includes(target));
    const uuid = gone?.split(',')[0] ?? '';
    await hypervisor.ovsctl('remove', 'Open_vSwitch', '.', 'manager_options', uuid);
    await eventually('two controllers', async () => (await roles('hv1')).size === 2);
    for (const [index, state] of (await switchStates()).entries()) {
      assert.deepEqual(differences(before[index] ?? assert.fail(), state), []);
    }
    await first.client.hypervisorsReady(hypervisors);
  });
});
