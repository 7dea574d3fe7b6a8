/**
 * Bindings of ports to hosts, of which one is active: the planned move of a virtual machine (binding-extended). The active one is the port's own;
 * others are kept beside it until one of them becomes active.
 */
import type { FastifyRequest } from 'fastify';
import { isObject } from '../../src/model/value-types.js';
import type { Act } from './act.js';
import { access, type Edge, idOf, requireRow } from './edge.js';
import { badRequest, badRequestOf, forbidden, NeutronFault } from './faults.js';
import { dictionary, members, text, textIn, type Values } from './forms.js';
import { hostMembers } from './ports.js';
import { deviceOf, hostOf, hypervisorNamed, isRouterPort, type PortRow, vifDetails, vifOf } from './port-rows.js';
import type { Scene } from './scene.js';
import type { LogicalSwitchPort } from '../../src/model/index.js';

/** One that is not active. */
interface Waiting {
  readonly host: string;
  readonly vnic_type: string;
  readonly profile: Values;
}

const form = members({ host: text(), vnic_type: text(32), profile: dictionary }, ['host']);

function waitingOf(scene: Scene, portId: string): readonly Waiting[] {
  const kept = scene.said(portId)['bindings'];
  return Array.isArray(kept) ? (kept as Waiting[]) : [];
}

function activeOf(scene: Scene, row: LogicalSwitchPort) {
  const { type, details } = vifOf(scene, row);
  return {
    host: hostOf(scene, row),
    vnic_type: textIn(scene.said(row.id), 'binding:vnic_type', 'normal'),
    profile: scene.said(row.id)['binding:profile'] ?? {},
    vif_type: type,
    vif_details: details,
    status: 'ACTIVE',
  };
}

function shownWaiting(scene: Scene, { host, vnic_type, profile }: Waiting) {
  const hypervisor = hypervisorNamed(scene, host);
  const [vif_type, vif_details] = hypervisor === null ? ['binding_failed', {}] : ['ovs', vifDetails(hypervisor)];
  return { host, vnic_type, profile, vif_type, vif_details, status: 'INACTIVE' };
}

const bindingsOf = (scene: Scene, row: LogicalSwitchPort) => [
  ...(hostOf(scene, row) === '' ? [] : [activeOf(scene, row)]),
  ...waitingOf(scene, row.id).map(each => shownWaiting(scene, each)),
];

const unknownBinding = (portId: string, host: string): NeutronFault =>
  new NeutronFault(404, 'PortBindingNotFound', `Binding for port ${portId} for host ${host} could not be found.`);

/** Only ports of virtual machines move. */
function requireComputePort(scene: Scene, row: PortRow): LogicalSwitchPort {
  if (isRouterPort(row) || !deviceOf(scene, row).owner.startsWith('compute:'))
    throw badRequestOf('port', 'Operation only valid on compute ports');
  return row;
}

async function activate(act: Act, row: LogicalSwitchPort, host: string): Promise<void> {
  const { scene } = act;
  const waiting = waitingOf(scene, row.id);
  const next = waiting.find(each => each.host === host);
  const active = activeOf(scene, row);
  if (next === undefined) {
    if (active.host === host)
      throw new NeutronFault(
        409,
        'PortBindingAlreadyActive',
        `Binding for port ${row.id} on host ${host} is already active.`,
      );
    throw unknownBinding(row.id, host);
  }
  const { noun, said } = hostMembers(scene, host);
  await act.tx.merge('logical-switch-ports', row.id, noun);
  const before = { host: active.host, vnic_type: active.vnic_type, profile: active.profile };
  const rest = waiting.filter(each => each !== next);
  await act.say('ports', row, {
    ...said,
    'binding:vnic_type': next.vnic_type === 'normal' ? undefined : next.vnic_type,
    'binding:profile': Object.keys(next.profile).length === 0 ? undefined : next.profile,
    bindings: active.host === '' ? orNothing(rest) : [...rest, before],
  });
}

const orNothing = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

export function registerPortBindings(edge: Edge): void {
  const { app } = edge;
  const ports = edge.resourceOf('ports');
  const path = '/v2.0/ports/:id/bindings';
  const portOf = (request: FastifyRequest): LogicalSwitchPort => {
    if (!request.scene.identity.isAdmin) throw forbidden('port_binding');
    // The rows of this resource are ports.
    return requireComputePort(request.scene, requireRow(ports, request.scene, idOf(request)) as PortRow);
  };
  const hostIn = (request: FastifyRequest): string => (request.params as { readonly host: string }).host;

  app.get(path, access('read'), async request => ({ bindings: bindingsOf(request.scene, portOf(request)) }));
  app.get(`${path}/:host`, access('read'), async request => {
    const row = portOf(request);
    const host = hostIn(request);
    const found = bindingsOf(request.scene, row).find(each => each.host === host);
    if (found === undefined) throw unknownBinding(row.id, host);
    return { binding: found };
  });
  app.post(path, access('write'), async (request, reply) => {
    const row = portOf(request);
    const { scene } = request;
    if (!isObject(request.body) || request.body['binding'] === undefined)
      throw badRequest("Unable to find 'binding' in request body");
    const { host = '', vnic_type = 'normal', profile = {} } = form.read(request.body['binding'], 'binding');
    if (bindingsOf(scene, row).some(each => each.host === host))
      throw new NeutronFault(
        409,
        'PortBindingAlreadyExists',
        `Binding for port ${row.id} on host ${host} already exists.`,
      );
    if (hypervisorNamed(scene, host) === null)
      throw new NeutronFault(
        500,
        'PortBindingError',
        `Binding for port ${row.id} on host ${host} could not be created or updated: there is no hypervisor of that name.`,
      );
    const made: Waiting = { host, vnic_type, profile };
    await edge.write(request, { title: 'PortBinding', id: row.id }, act =>
      act.say('ports', row, { bindings: [...waitingOf(scene, row.id), made] }),
    );
    return reply.code(201).send({ binding: shownWaiting(scene, made) });
  });
  app.put(`${path}/:host/activate`, access('write'), async request => {
    const row = portOf(request);
    const host = hostIn(request);
    await edge.write(request, { title: 'PortBinding', id: row.id }, act => activate(act, row, host));
    return { binding: bindingsOf(request.scene, portOf(request)).find(each => each.host === host) };
  });
  app.delete(`${path}/:host`, access('write'), async (request, reply) => {
    const row = portOf(request);
    const host = hostIn(request);
    const { scene } = request;
    const rest = waitingOf(scene, row.id).filter(each => each.host !== host);
    const isActive = hostOf(scene, row) === host;
    if (!isActive && rest.length === waitingOf(scene, row.id).length) throw unknownBinding(row.id, host);
    await edge.write(request, { title: 'PortBinding', id: row.id }, async act => {
      if (isActive) await act.tx.merge('logical-switch-ports', row.id, { hypervisor: null });
      await act.say('ports', row, { bindings: orNothing(rest), ...(isActive ? { 'binding:host_id': undefined } : {}) });
    });
    return reply.code(204).send();
  });
}
