/** What ports of the OpenStack API are made of: logical switch ports, and the ports of routers on logical switches. */
import { cidrContains, formatIp } from '../../src/base/address.js';
import type { Hypervisor, LogicalRouterPort, LogicalSwitchPort } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import { textIn } from './forms.js';
import type { Scene } from './scene.js';

export type PortRow = LogicalSwitchPort | LogicalRouterPort;

export const isRouterPort = (row: PortRow): row is LogicalRouterPort => 'logicalRouterId' in row;

/** The network that the port is on; router ports that have a peer instead are none of this API. */
export const networkOf = (row: PortRow): string => row.logicalSwitchId ?? '';

/** What owns ports that only hold the address of a floating IP which is of no port. Anybody may call his own port so. */
export const FLOATING_IP_OWNER = 'network:floatingip';

export const holdsFloatingIp = ({ view }: Pick<Scene, 'view'>, row: PortRow): boolean =>
  view.get('neutron-objects', row.id)?.collection === 'floatingips';

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

/** The addresses of the port, each with its subnet. */
export function fixedIpsOf({ view }: Pick<Scene, 'view'>, row: PortRow): readonly FixedIp[] {
  if (!isRouterPort(row)) return row.ips.map(({ ip, subnetId }) => ({ subnet_id: subnetId, ip_address: ip }));
  const subnets = view.by('subnets', 'logicalSwitchId', networkOf(row));
  return row.networks.flatMap(network => {
    const { family, address } = knownCidr(network);
    const subnet = subnets.find(each => cidrContains(knownCidr(each.cidr), { family, value: address }));
    return subnet === undefined ? [] : [{ subnet_id: subnet.id, ip_address: formatIp(family, address) }];
  });
}

/** Whose port it is: a workload's as its owner says, or a router's. */
export function deviceOf(scene: Scene, row: PortRow): { readonly id: string; readonly owner: string } {
  if (!isRouterPort(row)) {
    const said = scene.said(row.id);
    return { id: textIn(said, 'device_id'), owner: textIn(said, 'device_owner') };
  }
  const owner = isOutside(scene, row) ? 'network:router_gateway' : 'network:router_interface';
  return { id: row.logicalRouterId, owner };
}

/** The one hypervisor of that name, or that calls itself so. */
export function hypervisorNamed({ view }: Pick<Scene, 'view'>, name: string): Hypervisor | null {
  const found = view.rows('hypervisors').filter(each => each.name === name || each.systemId === name);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** The host of the port: where it was asked to be, or else where it is. */
export function hostOf(scene: Scene, row: PortRow): string {
  if (isRouterPort(row)) return '';
  // A sub-port is where its parent is, whatever was asked for it.
  const parent = row.parentId === null ? null : scene.view.get('logical-switch-ports', row.parentId);
  if (parent !== null) return hostOf(scene, parent);
  if (row.hypervisor !== null) return row.hypervisor;
  const said = scene.said(row.id)['binding:host_id'];
  if (typeof said === 'string') return said;
  const [binding] = scene.view.by('port-bindings', 'logicalSwitchPortId', row.id);
  return binding === undefined ? '' : (scene.view.get('hypervisors', binding.hypervisorId)?.name ?? '');
}

/** How a workload is to plug itself in. */
export function vifOf(
  scene: Scene,
  row: PortRow,
): { readonly type: string; readonly details: Readonly<Record<string, unknown>> } {
  const host = hostOf(scene, row);
  if (host === '') return { type: isRouterPort(row) ? 'distributed' : 'unbound', details: {} };
  const hypervisor = hypervisorNamed(scene, host);
  return hypervisor === null
    ? { type: 'binding_failed', details: {} }
    : { type: 'ovs', details: vifDetails(hypervisor) };
}

export function vifDetails({ bridge, datapathType }: Hypervisor): Readonly<Record<string, unknown>> {
  return {
    connectivity: 'l2',
    port_filter: true,
    ovs_hybrid_plug: false,
    bridge_name: bridge,
    datapath_type: datapathType,
  };
}

/** Whether packets flow: ACTIVE is never said before the switch has said so. */
export function statusOf(scene: Scene, row: PortRow): string {
  if (isRouterPort(row)) return 'ACTIVE';
  return row.enabled && scene.state.fleet.port(row).up ? 'ACTIVE' : 'DOWN';
}

export function findPort(scene: Scene, id: string): PortRow | null {
  const port = scene.get('logical-switch-ports', id);
  if (port !== null) return port;
  const routerPort = scene.get('logical-router-ports', id);
  return routerPort !== null && routerPort.logicalSwitchId !== null ? routerPort : null;
}

/** Ports that the caller may know of. What holds addresses on external networks only admins see in lists. */
export function portRows(scene: Scene, wanted: ReadonlyMap<string, readonly string[]>): readonly PortRow[] {
  const rows = rowsWanted(scene, wanted);
  return scene.identity.isAdmin ? rows : rows.filter(row => !isOutside(scene, row) && !holdsFloatingIp(scene, row));
}

/** Whether it is what a router has on the network of its gateway. */
function isOutside({ view }: Pick<Scene, 'view'>, row: PortRow): boolean {
  return isRouterPort(row) && view.get('logical-routers', row.logicalRouterId)?.gatewaySwitchId === row.logicalSwitchId;
}

/** As few as the filters allow without a look at each. */
function rowsWanted(scene: Scene, wanted: ReadonlyMap<string, readonly string[]>): readonly PortRow[] {
  const ids = wanted.get('id');
  if (ids !== undefined) return ids.flatMap(id => findPort(scene, id) ?? []);
  const only = (name: string): string | undefined =>
    wanted.get(name)?.length === 1 ? wanted.get(name)?.[0] : undefined;
  const network = only('network_id');
  if (network !== undefined) {
    return [
      ...scene.view
        .by('logical-switch-ports', 'logicalSwitchId', network)
        .filter(row => scene.sight.sees('logical-switch-ports', row)),
      ...scene.view
        .by('logical-router-ports', 'logicalSwitchId', network)
        .filter(row => scene.sight.sees('logical-router-ports', row)),
    ];
  }
  const device = only('device_id');
  if (device !== undefined && scene.view.get('logical-routers', device) !== null)
    return scene.view
      .by('logical-router-ports', 'logicalRouterId', device)
      .filter(row => row.logicalSwitchId !== null && scene.sight.sees('logical-router-ports', row));
  const project = scene.identity.isAdmin ? (only('tenant_id') ?? only('project_id')) : undefined;
  const routerPorts = scene.rows('logical-router-ports').filter(row => row.logicalSwitchId !== null);
  const ports =
    project === undefined
      ? scene.rows('logical-switch-ports')
      : scene.view.rowsOfProject('logical-switch-ports', project, { shared: false });
  return [...ports, ...routerPorts];
}
