/**
 * The outside world of the demo: a physical network that every hypervisor has a bridge for, and a host there that knows nothing of Weft. The
 * router of the demo is outside by a gateway; a workload has a floating IP, which its own hypervisor speaks for; a load balancer another.
 *
 *   web, db ── r1 ──(gateway hv2, or else hv3)── physical network 203.0.113.0/24 ── outside 203.0.113.200
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.js';
import { inNamespace } from './namespaces.js';
import type { OutsideHost } from './physical-network.js';
import { commandEnvironment } from './processes.js';
import type { Operation, WeftClient } from './weft-client.js';
import type { Workload } from './workload.js';

const physicalNetwork = 'physnet1';
const bridge = 'br-ex';
const gateways = ['hv2', 'hv3'] as const;

/** Addresses outside (RFC 5737, RFC 3849), and the virtual address of the load balancer inside. */
export const outsideAddresses = {
  host: '203.0.113.200',
  router: '203.0.113.1',
  floating: '203.0.113.10',
  shop: '203.0.113.20',
  virtual: '10.96.0.1',
} as const;
const ipv6 = { network: '2001:db8:113::/64', router: '2001:db8:113::1', host: '2001:db8:113::200' } as const;

/** Whose floating IP it is, and who serves behind the load balancer. */
export const FLOATING = 'web1';
export const BACKENDS = ['db1', 'db2', 'db3'] as const;

/** A workload, or the host outside. */
export type Station = Pick<Workload, 'name' | 'namespace' | 'mark' | 'exec'>;

/** Makes the physical network and the host there, and tells every hypervisor which bridge leads to it. */
export async function makeOutside(lab: Lab): Promise<OutsideHost> {
  const network = await lab.addPhysicalNetwork(physicalNetwork, bridge);
  for (const hypervisor of lab.hypervisors) await hypervisor.mapBridges({ [physicalNetwork]: bridge });
  const addresses = [`${outsideAddresses.host}/24`, `${ipv6.host}/64`];
  const host = await network.addHost('outside', { addresses });
  // IPv6 is routed as it is, so the host needs a way to the networks of the demo.
  await host.exec(['ip', 'route', 'add', 'fd00::/16', 'via', ipv6.router]);
  return host;
}

/** Lets hypervisors be gateways. */
export async function appointGateways(client: WeftClient): Promise<void> {
  for (const name of gateways) {
    const { id } = await client.find('hypervisors', name);
    await client.patch('hypervisors', id, { gateway: true });
  }
}

/** What brings the router outside: its gateway, SNAT, floating IPs and a load balancer, as the operations of one transaction. */
export async function outsideNetwork(client: WeftClient): Promise<readonly Operation[]> {
  const { id: routerId } = await client.find('logical-routers', 'r1');
  const ports = new Map<string, { readonly id: string; readonly address: string }>();
  for (const name of [FLOATING, ...BACKENDS]) {
    const { portId, addresses } = await client.workloadPort(name);
    const [address = ''] = addresses.find(each => !each.includes(':'))?.split('/') ?? [];
    ports.set(name, { id: portId, address });
  }
  const addressOf = (name: string): string | undefined => ports.get(name)?.address;
  const switchId = randomUUID();
  const create = (kind: string, value: Record<string, unknown>, id = randomUUID()): Operation => ({
    op: 'create',
    kind,
    id,
    value,
  });
  const translate = (kind: string, external: string, logical: string | undefined, more = {}): Operation =>
    create('nat-rules', {
      logical_router_id: routerId,
      kind,
      external_ip: external,
      logical_ip: logical,
      ...more,
    });
  return [
    create('logical-switches', { name: 'outside', provider: { physical_network: physicalNetwork } }, switchId),
    create('subnets', {
      logical_switch_id: switchId,
      cidr: '203.0.113.0/24',
      allocation_pools: [{ start: '203.0.113.10', end: '203.0.113.99' }],
    }),
    create('subnets', { logical_switch_id: switchId, cidr: ipv6.network }),
    {
      op: 'merge',
      kind: 'logical-routers',
      id: routerId,
      value: { gateway: { logical_switch_id: switchId, hypervisors: gateways } },
    },
    create('logical-router-ports', {
      name: 'r1-outside',
      logical_router_id: routerId,
      logical_switch_id: switchId,
      networks: [`${outsideAddresses.router}/24`, `${ipv6.router}/64`],
    }),
    translate('snat', outsideAddresses.router, '10.0.0.0/16'),
    translate('floating_ip', outsideAddresses.floating, addressOf(FLOATING), {
      logical_switch_port_id: ports.get(FLOATING)?.id,
    }),
    create('load-balancers', {
      name: 'shop',
      vip: outsideAddresses.virtual,
      port: 80,
      backends: BACKENDS.map(name => ({ ip: addressOf(name), port: 80 })),
      logical_router_ids: [routerId],
    }),
    translate('floating_ip', outsideAddresses.shop, outsideAddresses.virtual),
  ];
}

/** A web server on each station that answers `NAME saw ADDRESS`, with the address that the question has come from. They end with the lab. */
export function serveWeb(lab: Lab, stations: readonly Station[]): void {
  const root = lab.state.createDirectory('www');
  const page = join(root, 'cgi-bin', 'index.cgi');
  mkdirSync(join(root, 'cgi-bin'));
  writeFileSync(
    page,
    `#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n%s saw %s\\n' "$STATION" "$REMOTE_ADDR"\n`,
  );
  chmodSync(page, 0o755);
  for (const { name, namespace, mark } of stations) {
    const command = ['busybox', 'httpd', '-f', '-p', '80', '-h', root];
    const [file = '', ...args] = inNamespace(namespace, command);
    spawn(file, args, { env: commandEnvironment({ ...mark, STATION: name }), stdio: 'ignore' });
  }
}

/**
 * What a station is told by the web server at an address, so many times: who has answered, and from where that was asked. Each time by a
 * connection of its own. Throws when nobody answers.
 */
export async function browse(from: Station, address: string, times = 1): Promise<readonly string[]> {
  const urls = Array.from({ length: times }, () => `http://${address}/`);
  // A server that has just been started may not listen yet.
  const patience = ['--max-time', '5', '--retry', '5', '--retry-connrefused', '--retry-delay', '1'];
  const { stdout } = await from.exec(['curl', '-sS', '--http1.0', '--noproxy', '*', ...patience, ...urls]);
  const answers = stdout.trim().split('\n');
  // An IPv4 address as a socket of both families writes it.
  return answers.map(answer => answer.replace(/\[(?:::ffff:)?([^\]]+)\]/, '$1'));
}
