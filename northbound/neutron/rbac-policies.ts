/**
 * RBAC policies. That a network is shared is said by the network itself (`sharedWith`), for REST as for this API: such a policy has no row, and its
 * id follows from what it says. So there is nothing that could differ.
 */
import { EVERY_PROJECT } from '../../src/model/audience.js';
import type { CommonRow, LogicalSwitch } from '../../src/model/index.js';
import type { Act } from './act.js';
import { given, shown } from './attributes.js';
import { badRequest, NeutronFault, notFound } from './faults.js';
import { oneOf, text, uuid, type Values, textIn } from './forms.js';
import { namedId } from './named-id.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

/** A policy as it follows from a network that is shared with a project. */
interface Policy extends CommonRow {
  readonly networkId: string;
  readonly target: string;
}

const policyId = (networkId: string, target: string): string => namedId('rbac policy', 'network', networkId, target);

function policiesOf(network: LogicalSwitch): readonly Policy[] {
  return network.sharedWith.map(target => ({
    ...network,
    id: policyId(network.id, target),
    name: '',
    networkId: network.id,
    target,
  }));
}

/** Those of networks that the caller owns. */
function rows(scene: Scene): readonly Policy[] {
  return scene
    .rows('logical-switches')
    .filter(network => network.sharedWith.length > 0 && scene.owns(network))
    .flatMap(policiesOf)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

async function create(act: Act, values: Values): Promise<string> {
  const { scene } = act;
  const networkId = textIn(values, 'object_id');
  const target = textIn(values, 'target_tenant', textIn(values, 'target_project'));
  if (target === '') throw badRequest("Failed to parse request. Required attribute 'target_tenant' not specified");
  const network = scene.get('logical-switches', networkId);
  if (network === null || !scene.owns(network)) throw notFound('Network', networkId);
  const before = (await act.tx.get('logical-switches', networkId))?.sharedWith ?? [];
  if (before.includes(target))
    throw new NeutronFault(409, 'DuplicateRbacPolicy', 'An RBAC policy already exists with those values.');
  if (target === EVERY_PROJECT && !scene.identity.isAdmin)
    throw new NeutronFault(403, 'RbacPolicyInitError', 'Only admins share with every project.');
  await act.tx.merge('logical-switches', networkId, { shared_with: [...before, target] });
  return policyId(networkId, target);
}

async function remove(act: Act, { networkId, target, id }: Policy): Promise<void> {
  const before = (await act.tx.get('logical-switches', networkId))?.sharedWith ?? [];
  try {
    await act.tx.merge('logical-switches', networkId, { shared_with: before.filter(each => each !== target) });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'in_use') throw error;
    throw new NeutronFault(
      409,
      'RbacPolicyInUse',
      `RBAC policy on object ${networkId} cannot be removed because other objects depend on it. Policy ${id}.`,
      error,
    );
  }
}

export const rbacPolicies = neutronResource<Policy>({
  collection: 'rbac_policies',
  member: 'rbac_policy',
  path: 'rbac-policies',
  title: 'RbacPolicy',
  said: null,
  kindOf: () => 'logical-switches',
  rows,
  find: (scene, id) => rows(scene).find(policy => policy.id === id) ?? null,
  attributes: {
    id: shown((_scene, { id }) => id),
    tenant_id: given(text(), (_scene, { projectId }) => projectId, { only: 'creation' }),
    project_id: given(text(), (_scene, { projectId }) => projectId, { only: 'creation' }),
    object_type: given(oneOf('network'), () => 'network', { required: true, only: 'creation' }),
    object_id: given(uuid, (_scene, row) => row.networkId, { required: true, only: 'creation' }),
    action: given(oneOf('access_as_shared'), () => 'access_as_shared', { required: true, only: 'creation' }),
    target_tenant: given(text(), (_scene, row) => row.target, { only: 'creation' }),
    target_project: given(text(), (_scene, row) => row.target, { only: 'creation' }),
  },
  create,
  remove,
});
