/** Routers: logical routers with what they have on networks, their way outside, and routes. */
import type { LogicalRouter, LogicalRouterPort, StaticRoute } from '../../src/model/index.js';
import type { Act } from './act.js';
import { given, kept, named, shown, standard } from './attributes.js';
import { NeutronFault, notFound } from './faults.js';
import { boolean, cidr, ip, list, members, nullable, text, uuid, type Values } from './forms.js';
import { gatewayPortOf, isDefaultRoute, setGateway } from './router-gateway.js';
import { fixedIpsOf } from './port-rows.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

/** Routes that this API can say; the one that follows from the gateway is not among them. */
export function extraRoutesOf(scene: Scene, routerId: string): readonly StaticRoute[] {
  return scene.view
    .by('static-routes', 'logicalRouterId', routerId)
    .filter(route => route.nextHop !== null && !isDefaultRoute(route));
}

const keyOf = ({ destination, nexthop }: Route): string => `${destination} ${nexthop}`;
const routeOf = ({ destination, nextHop }: StaticRoute): Route => ({ destination, nexthop: nextHop ?? '' });

/** Makes the extra routes those that are named. */
export async function setRoutes(act: Act, router: LogicalRouter, asked: readonly Route[]): Promise<void> {
  const wanted = new Map(asked.map(route => [keyOf(route), route]));
  for (const route of extraRoutesOf(act.scene, router.id)) {
    if (!wanted.delete(keyOf(routeOf(route)))) await act.tx.delete('static-routes', route.id);
  }
  for (const { destination, nexthop } of wanted.values())
    await act.tx.create('static-routes', {
      id: act.newId(),
      project_id: router.projectId,
      logical_router_id: router.id,
      destination,
      next_hop: nexthop,
    });
}

/** What the router has on networks inside. */
export function interfacesOf(scene: Scene, router: LogicalRouter): readonly LogicalRouterPort[] {
  return scene.view
    .by('logical-router-ports', 'logicalRouterId', router.id)
    .filter(port => port.logicalSwitchId !== null && port.logicalSwitchId !== router.gatewaySwitchId);
}

interface AskedGateway {
  readonly network_id?: string | undefined;
  readonly enable_snat?: boolean | undefined;
  readonly external_fixed_ips?:
    | readonly { readonly subnet_id?: string | undefined; readonly ip_address?: string | undefined }[]
    | undefined;
}

export type { AskedGateway };

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const id = act.newId();
  const name = values['name'] === '' ? id : values['name'];
  const { row } = await act.tx.create('logical-routers', {
    id,
    name,
    project_id: projectId,
    enabled: values['admin_state_up'],
  });
  const gateway = values['external_gateway_info'] as AskedGateway | null;
  if (gateway !== null && gateway.network_id !== undefined) await setGateway(act, row, gateway);
  return id;
}

async function update(act: Act, row: LogicalRouter, values: Values): Promise<void> {
  const body: Record<string, unknown> = {};
  if (values['name'] !== undefined) body['name'] = values['name'] === '' ? row.id : values['name'];
  if (values['admin_state_up'] !== undefined) body['enabled'] = values['admin_state_up'];
  if (Object.keys(body).length > 0) await act.tx.merge('logical-routers', row.id, body);
  const gateway = values['external_gateway_info'] as AskedGateway | null | undefined;
  const isLeaving = gateway !== undefined && gateway?.network_id === undefined;
  // Routes may lead by the way outside: it is there before them, and goes after them.
  if (gateway !== undefined && !isLeaving) await setGateway(act, row, gateway);
  if (values['routes'] !== undefined) await setRoutes(act, row, values['routes'] as readonly Route[]);
  if (isLeaving) await setGateway(act, row, null);
}

async function remove(act: Act, row: LogicalRouter): Promise<void> {
  const { scene } = act;
  if (interfacesOf(scene, row).length > 0)
    throw new NeutronFault(409, 'RouterInUse', `Router ${row.id} still has ports`);
  for (const route of extraRoutesOf(scene, row.id)) await act.tx.delete('static-routes', route.id);
  await setGateway(act, row, null);
  await act.tx.delete('logical-routers', row.id);
}

/** The way outside, as the body of a router shows it. */
function gatewayInfo(scene: Scene, row: LogicalRouter): unknown {
  if (row.gateway === null) return null;
  const port = gatewayPortOf(scene, row);
  return {
    network_id: row.gateway.logicalSwitchId,
    enable_snat:
      scene.view.by('nat-rules', 'logicalRouterId', row.id).some(({ kind }) => kind === 'snat') ||
      scene.said(row.id)['enable_snat'] === true,
    external_fixed_ips: port === null ? [] : fixedIpsOf(scene, port),
  };
}

const gatewayForm = nullable(
  members({
    network_id: uuid,
    enable_snat: boolean,
    external_fixed_ips: list(members({ subnet_id: uuid, ip_address: ip }), 16),
  }),
);
const routesForm = list(members({ destination: cidr, nexthop: ip }, ['destination', 'nexthop']), 100);

export const routers = neutronResource<LogicalRouter>({
  collection: 'routers',
  member: 'router',
  title: 'Router',
  said: 'routers',
  kindOf: () => 'logical-routers',
  rows: scene => scene.rows('logical-routers'),
  find: (scene, id) => scene.get('logical-routers', id),
  hasTags: true,
  // Who may be outside, and where, this API says (an external network): in REST only an operator does.
  asOperator: values => values === null || values['external_gateway_info'] !== undefined,
  attributes: {
    ...standard<LogicalRouter>(),
    name: named(),
    admin_state_up: given(boolean, (_scene, row) => row.enabled, { initial: true }),
    status: shown(() => 'ACTIVE'),
    external_gateway_info: given(gatewayForm, gatewayInfo, { initial: null, filter: false }),
    routes: given(routesForm, (scene, { id }) => extraRoutesOf(scene, id).map(routeOf), {
      initial: undefined,
      only: 'update',
      filter: false,
    }),
    availability_zone_hints: kept('availability_zone_hints', list(text(), 10), [], { only: 'creation' }),
    availability_zones: shown(() => ['default']),
    distributed: shown(() => true),
    ha: shown(() => false),
    flavor_id: shown(() => null),
  },
  create,
  update,
  remove,
});

export function requireRouter(scene: Scene, id: string): LogicalRouter {
  const row = scene.get('logical-routers', id);
  if (row === null) throw notFound('Router', id);
  return row;
}
