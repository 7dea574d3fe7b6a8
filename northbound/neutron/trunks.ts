/**
 * Trunks: a port that carries others, each under its VLAN. Which port is behind which is said by the ports themselves (`parent`); a trunk has a row
 * for its name alone, and one that REST has made needs none. There is one for each parent, so its id follows from that of the parent.
 */
import type { CommonRow, LogicalSwitchPort } from '../../src/model/index.js';
import { isObject } from '../../src/model/value-types.js';
import type { FastifyRequest } from 'fastify';
import type { Act } from './act.js';
import { given, kept, named, shown, standard } from './attributes.js';
import { access, type Edge, idOf, requireRow } from './edge.js';
import { badRequest, NeutronFault, notFound } from './faults.js';
import { boolean, integer, list, members, oneOf, refuseValue, textIn, uuid, type Values } from './forms.js';
import { namedId } from './named-id.js';
import { statusOf } from './port-rows.js';
import { neutronResource, represent, requireWriter } from './resource.js';
import type { Scene } from './scene.js';

interface Trunk extends CommonRow {
  readonly portId: string;
}

const trunkId = (portId: string): string => namedId('trunk', portId);

/** Ports behind the port. */
const childrenOf = ({ view }: Pick<Scene, 'view'>, portId: string): readonly LogicalSwitchPort[] =>
  view.by('logical-switch-ports', 'parentId', portId);

/** The trunk of a port, if it has one. */
function trunkOf(scene: Scene, port: LogicalSwitchPort): Trunk | null {
  const id = trunkId(port.id);
  const said = scene.view.get('neutron-objects', id);
  if (said === null && childrenOf(scene, port.id).length === 0) return null;
  return { ...(said ?? { ...port, id, name: '' }), portId: port.id };
}

/** Ports that have a trunk of which something is said. */
const saidPorts = ({ view }: Pick<Scene, 'view'>): readonly string[] =>
  view.by('neutron-objects', 'collection', 'trunks').map(row => textIn(row.attributes, 'port_id'));

/** Those that somebody has made here, and those of parents that REST has made. */
function rows(scene: Scene): readonly Trunk[] {
  const portIds = new Set(saidPorts(scene));
  for (const { parentId } of scene.rows('logical-switch-ports')) if (parentId !== null) portIds.add(parentId);
  const trunks = [...portIds].flatMap(id => {
    const port = scene.get('logical-switch-ports', id);
    return (port === null ? null : trunkOf(scene, port)) ?? [];
  });
  return trunks.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function find(scene: Scene, id: string): Trunk | null {
  const said = scene.view.get('neutron-objects', id);
  const port =
    said?.collection === 'trunks' ? scene.get('logical-switch-ports', textIn(said.attributes, 'port_id')) : null;
  return port === null ? (rows(scene).find(each => each.id === id) ?? null) : trunkOf(scene, port);
}

function subPortsOf(scene: Scene, portId: string) {
  return childrenOf(scene, portId).map(({ id, parent }) => ({
    port_id: id,
    segmentation_type: 'vlan',
    segmentation_id: parent?.vlan ?? 0,
  }));
}

/** Of a parent: what the port itself tells of its trunk. */
export function trunkDetailsOf(scene: Scene, port: LogicalSwitchPort): unknown {
  const trunk = trunkOf(scene, port);
  if (trunk === null) return undefined;
  const macs = new Map(childrenOf(scene, port.id).map(({ id, mac }) => [id, mac]));
  return {
    trunk_id: trunk.id,
    sub_ports: subPortsOf(scene, port.id).map(each => ({ ...each, mac_address: macs.get(each.port_id) })),
  };
}

/** @throws NeutronFault where the port is part of a trunk: it is not deleted then. Clients read the id out of the message */
export function refuseTrunkPort(scene: Scene, port: LogicalSwitchPort): void {
  if (port.parentId !== null)
    throw new NeutronFault(
      409,
      'PortInUseAsSubPort',
      `Port ${port.id} is currently a subport for trunk ${trunkId(port.parentId)}.`,
    );
  if (trunkOf(scene, port) !== null)
    throw new NeutronFault(
      409,
      'PortInUseAsTrunkParent',
      `Port ${port.id} is currently a parent port for trunk ${trunkId(port.id)}.`,
    );
}

interface SubPort {
  readonly port_id: string;
  readonly segmentation_id?: number | undefined;
  readonly segmentation_type?: 'vlan' | 'inherit' | undefined;
}

const subPort = members(
  { port_id: uuid, segmentation_id: integer(1, 4094), segmentation_type: oneOf('vlan', 'inherit') },
  ['port_id'],
);
const subPortsForm = list(subPort, 512);

/** The tag that is asked for: named, or that of the port's own network. */
function vlanOf(scene: Scene, port: LogicalSwitchPort, asked: SubPort): number {
  if (asked.segmentation_type !== 'inherit')
    return asked.segmentation_id ?? refuseValue('sub_ports', 'Invalid subport details: segmentation_id is missing');
  const provider = scene.view.get('logical-switches', port.logicalSwitchId)?.provider ?? null;
  return provider?.vlan ?? refuseValue('sub_ports', `the network of port ${port.id} has no VLAN to inherit`);
}

function requirePort(scene: Scene, id: string): LogicalSwitchPort {
  const port = scene.get('logical-switch-ports', id);
  if (port === null || !scene.owns(port)) throw notFound('Port', id);
  return port;
}

/** Puts ports behind the parent. */
async function add(act: Act, parent: LogicalSwitchPort, asked: readonly SubPort[]): Promise<void> {
  const { scene } = act;
  const vlans = new Set(childrenOf(scene, parent.id).map(each => each.parent?.vlan));
  for (const each of asked) {
    const port = requirePort(scene, each.port_id);
    refuseTrunkPort(scene, port);
    const device = textIn(scene.said(port.id), 'device_id');
    if (device !== '' || port.id === parent.id)
      throw new NeutronFault(
        409,
        'PortInUse',
        `Unable to complete operation on port ${port.id} for network ${port.logicalSwitchId}. Port already has an attached device ${device}.`,
      );
    const vlan = vlanOf(scene, port, each);
    if (vlans.has(vlan))
      throw new NeutronFault(
        409,
        'DuplicateSubPort',
        `segmentation_type vlan and segmentation_id ${vlan} already in use on trunk ${trunkId(parent.id)}.`,
      );
    vlans.add(vlan);
    await act.tx.merge('logical-switch-ports', port.id, { parent: { port_id: parent.id, vlan } });
  }
}

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const { scene } = act;
  const port = requirePort(scene, textIn(values, 'port_id'));
  refuseTrunkPort(scene, port);
  // What is said of trunks whose ports have gone by another way is of no use to anybody.
  for (const { id: gone, attributes } of scene.view.by('neutron-objects', 'collection', 'trunks'))
    if (scene.identity.isAdmin && scene.view.get('logical-switch-ports', textIn(attributes, 'port_id')) === null)
      await act.tx.delete('neutron-objects', gone);
  const id = trunkId(port.id);
  await act.establish('trunks', { id, name: textIn(values, 'name'), projectId }, { port_id: port.id });
  await add(act, port, (values['sub_ports'] ?? []) as readonly SubPort[]);
  return id;
}

async function update(act: Act, row: Trunk, { name }: Values): Promise<void> {
  // One that REST has made is said to be one from here on.
  await act.say('trunks', row, { port_id: row.portId });
  if (name !== undefined) await act.tx.merge('neutron-objects', row.id, { name });
}

/** Its ports live on, each by itself. */
async function remove(act: Act, row: Trunk): Promise<void> {
  requireEnabled(act.scene, row);
  for (const child of childrenOf(act.scene, row.portId))
    await act.tx.merge('logical-switch-ports', child.id, { parent: null });
  if ((await act.tx.get('neutron-objects', row.id)) !== null) await act.tx.delete('neutron-objects', row.id);
}

/** One that is disabled is locked: so OpenStack means it. Its packets are those of its ports. */
function requireEnabled(scene: Scene, { id }: Trunk): void {
  if (scene.said(id)['admin_state_up'] === false)
    throw new NeutronFault(409, 'TrunkDisabled', `Trunk ${id} is currently disabled.`);
}

export const trunks = neutronResource<Trunk>({
  collection: 'trunks',
  member: 'trunk',
  title: 'Trunk',
  said: 'trunks',
  kindOf: () => 'neutron-objects',
  rows,
  find,
  hasTags: true,
  attributes: {
    ...standard<Trunk>(),
    name: named(),
    port_id: given(uuid, (_scene, row) => row.portId, { required: true, only: 'creation' }),
    admin_state_up: kept('admin_state_up', boolean, true),
    status: shown((scene, { portId }) => {
      const port = scene.view.get('logical-switch-ports', portId);
      return port === null ? 'DOWN' : statusOf(scene, port);
    }),
    sub_ports: given(subPortsForm, (scene, { portId }) => subPortsOf(scene, portId), {
      initial: [],
      only: 'creation',
      filter: false,
    }),
  },
  create,
  update,
  remove,
});

export function registerTrunkActions(edge: Edge): void {
  const resource = edge.resourceOf('trunks');
  const trunkIn = (request: FastifyRequest): Trunk => requireRow(resource, request.scene, idOf(request)) as Trunk;
  const asked = (request: FastifyRequest): readonly SubPort[] => {
    const value = isObject(request.body) ? request.body['sub_ports'] : undefined;
    if (value === undefined) throw badRequest("Invalid input for trunk. Reason: 'sub_ports' is missing");
    // Each has a port: its form requires it.
    return subPortsForm.read(value, 'sub_ports') as readonly SubPort[];
  };
  edge.app.get('/v2.0/trunks/:id/get_subports', access('read'), async request => ({
    sub_ports: subPortsOf(request.scene, trunkIn(request).portId),
  }));
  const change = (path: string, work: (act: Act, trunk: Trunk, ports: readonly SubPort[]) => Promise<void>): void => {
    edge.app.put(`/v2.0/trunks/:id/${path}`, access('write'), async request => {
      const trunk = trunkIn(request);
      requireWriter(resource, 'update', request.scene.identity, trunk);
      requireEnabled(request.scene, trunk);
      const ports = asked(request);
      await edge.write(request, { title: 'Trunk', id: trunk.id }, act => work(act, trunk, ports));
      const after = resource.find(request.scene, trunk.id) ?? trunk;
      return represent(resource, request.scene, after);
    });
  };
  change('add_subports', async (act, { portId }, ports) => {
    await add(act, requirePort(act.scene, portId), ports);
  });
  change('remove_subports', async (act, trunk, ports) => {
    const there = new Set(childrenOf(act.scene, trunk.portId).map(({ id }) => id));
    for (const { port_id: id } of ports) {
      if (!there.has(id))
        throw new NeutronFault(
          404,
          'SubPortNotFound',
          `SubPort on trunk ${trunk.id} with parent port ${id} could not be found.`,
        );
      await act.tx.merge('logical-switch-ports', id, { parent: null });
    }
  });
}
