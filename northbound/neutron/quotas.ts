/** Quotas: the noun of Weft, in the words of OpenStack. -1 is no limit. */
import type { FastifyRequest } from 'fastify';
import { MAX_QUOTA } from '../../src/model/quota.js';
import type { OfferedKind } from '../../src/model/kinds.js';
import { isObject } from '../../src/model/value-types.js';
import { access, type Edge } from './edge.js';
import { badRequest, forbidden, NeutronFault } from './faults.js';
import { integer } from './forms.js';
import { namedId } from './named-id.js';
import type { Scene } from './scene.js';

/** What is limited, and as which kind it counts; null: it is not counted. */
const limited: Readonly<Record<string, OfferedKind | null>> = {
  network: 'logical-switches',
  subnet: 'subnets',
  port: 'logical-switch-ports',
  router: 'logical-routers',
  security_group: 'security-groups',
  security_group_rule: 'security-group-rules',
  address_group: 'address-sets',
  floatingip: null,
  trunk: null,
  subnetpool: null,
  rbac_policy: null,
};

const limit = integer(-1, MAX_QUOTA);

export function registerQuotas(edge: Edge): void {
  const { app, context } = edge;

  const quotaOf = ({ view }: Scene, projectId: string) =>
    view.rowsOfProject('quotas', projectId, { shared: false })[0] ?? null;

  /** Limits by resource: what the project has been given, else what everybody has. */
  const limitsOf = async (projectId: string, isDefault: boolean, scene: Scene): Promise<Record<string, number>> => {
    const usage = await context.store.usage(isDefault ? '' : projectId);
    const own = isDefault ? {} : (quotaOf(scene, projectId)?.limits ?? {});
    const limits: Record<string, number> = {};
    for (const [name, kind] of Object.entries(limited)) {
      const most =
        kind === null ? MAX_QUOTA : (own[kind] ?? usage.find(each => each.kind === kind)?.limit ?? MAX_QUOTA);
      limits[name] = most >= MAX_QUOTA ? -1 : most;
    }
    return limits;
  };
  const projectOf = (request: FastifyRequest): string => {
    const id = (request.params as { readonly id: string }).id.replace(/\.json$/, '');
    const { identity } = request.scene;
    if (!identity.isAdmin && id !== identity.projectId) throw forbidden('get_quota');
    return id;
  };
  const requireAdmin = (request: FastifyRequest, verb: string): string => {
    if (!request.scene.identity.isAdmin) throw forbidden(`${verb}_quota`);
    return projectOf(request);
  };

  app.get('/v2.0/quotas', access('read'), async ({ scene }) => {
    const ids = scene.rows('quotas').map(row => row.projectId);
    const quotas = await Promise.all(
      ids.map(async id => ({ ...(await limitsOf(id, false, scene)), tenant_id: id, project_id: id })),
    );
    return { quotas };
  });
  app.get('/v2.0/quotas/:id', access('read'), async request => ({
    quota: await limitsOf(projectOf(request), false, request.scene),
  }));
  app.get('/v2.0/quotas/:id/default', access('read'), async request => ({
    quota: await limitsOf(projectOf(request), true, request.scene),
  }));
  app.get('/v2.0/quotas/tenant', access('read'), async ({ scene }) => tenantOf(scene));
  app.get('/v2.0/quotas/project', access('read'), async ({ scene }) => tenantOf(scene));
  const details = async (request: FastifyRequest) => {
    const projectId = projectOf(request);
    const limits = await limitsOf(projectId, false, request.scene);
    const entries = Object.entries(limited).map(([name, kind]) => [
      name,
      { limit: limits[name], used: usedBy(request.scene, projectId, name, kind), reserved: 0 },
    ]);
    return { quota: Object.fromEntries(entries) as unknown };
  };
  app.get('/v2.0/quotas/:id/details', access('read'), details);
  app.get('/v2.0/quotas/:id/details.json', access('read'), details);

  app.put('/v2.0/quotas/:id', access('write'), async request => {
    const projectId = requireAdmin(request, 'update');
    const limits = limitsIn(request.body);
    const current = quotaOf(request.scene, projectId);
    await edge.write(request, { title: 'Quota', id: projectId }, async act => {
      const merged = { ...current?.limits, ...limits };
      const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value >= 0));
      if (current === null)
        await act.tx.create('quotas', { id: namedId('quota', projectId), project_id: projectId, limits: kept });
      else
        await act.tx.replace('quotas', current.id, {
          name: current.name,
          project_id: projectId,
          labels: current.labels,
          limits: kept,
        });
    });
    return { quota: await limitsOf(projectId, false, request.scene) };
  });
  app.delete('/v2.0/quotas/:id', access('write'), async (request, reply) => {
    const projectId = requireAdmin(request, 'delete');
    const current = quotaOf(request.scene, projectId);
    if (current === null)
      throw new NeutronFault(
        404,
        'TenantQuotaNotFound',
        `Quota for tenant ${projectId.slice(0, 64)} could not be found.`,
      );
    await edge.write(request, { title: 'Quota', id: projectId }, act => act.tx.delete('quotas', current.id));
    return reply.code(204).send();
  });
}

const tenantOf = ({ identity }: Scene) => ({
  tenant: { tenant_id: identity.projectId, project_id: identity.projectId },
});

/** Limits by kind; -1 is the default again. */
function limitsIn(body: unknown): Record<string, number> {
  const asked = isObject(body) && isObject(body['quota']) ? body['quota'] : null;
  if (asked === null) throw badRequest("Unable to find 'quota' in request body");
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(asked)) {
    if (name === 'tenant_id' || name === 'project_id' || name === 'force' || name === 'check_limit') continue;
    const kind = limited[name];
    if (kind === undefined) throw badRequest(`Unrecognized attribute(s) '${name}'`);
    if (kind === null)
      throw badRequest(`Weft does not count resources of the kind '${name}', and so does not limit them`);
    limits[kind] = limit.read(value, name);
  }
  return limits;
}

function usedBy({ view }: Scene, projectId: string, name: string, kind: OfferedKind | null): number {
  if (kind !== null) return view.rowsOfProject(kind, projectId, { shared: false }).length;
  if (name === 'subnetpool' || name === 'floatingip' || name === 'trunk')
    return view.by('neutron-objects', 'collection', `${name}s`).filter(row => row.projectId === projectId).length;
  const networks = view.rowsOfProject('logical-switches', projectId, { shared: false });
  return networks.reduce((sum, { sharedWith }) => sum + sharedWith.length, 0);
}
