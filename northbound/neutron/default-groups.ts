/** Security groups that are there for each project without anybody making them. */
import type { SecurityGroup } from '../../src/model/index.js';
import type { Act } from './act.js';
import { namedId } from './named-id.js';
import type { Scene } from './scene.js';

const DEFAULT = 'default';
/** Shows in REST only. */
const CLOSED = 'neutron-closed';

/** The group of ports whose creation names none. */
export const defaultGroupId = (projectId: string): string => namedId('default security group', projectId);

/**
 * The group of ports that have port security and no group: in OpenStack nothing passes there. A group without rules is just that; it is not
 * shown.
 */
export const closedGroupId = (projectId: string): string => namedId('closed security group', projectId);

export const isClosedGroup = ({ id, name, projectId }: SecurityGroup): boolean =>
  name === CLOSED && id === closedGroupId(projectId);

export const isDefaultGroup = ({ id, projectId }: Pick<SecurityGroup, 'id' | 'projectId'>): boolean =>
  id === defaultGroupId(projectId);

/** What makes the default group of the project; null: it is there. */
export function defaultGroupOf(scene: Scene, projectId: string): ((act: Act) => Promise<void>) | null {
  const id = defaultGroupId(projectId);
  return scene.view.get('security-groups', id) === null ? act => makeDefaultGroup(act, id, projectId) : null;
}

async function makeDefaultGroup(act: Act, id: string, projectId: string): Promise<void> {
  await act.tx.create('security-groups', { id, name: DEFAULT, project_id: projectId });
  await act.say('security_groups', { id, projectId }, { description: 'Default security group' });
  for (const ethertype of ['ipv4', 'ipv6']) {
    await makeEgressRule(act, id, projectId, ethertype);
    const fromItself = {
      security_group_id: id,
      project_id: projectId,
      direction: 'ingress',
      ethertype,
      remote_group_id: id,
    };
    await act.tx.create('security-group-rules', {
      id: namedId('rule from the group itself', id, ethertype),
      ...fromItself,
    });
  }
}

/** A new group lets everything out. */
export async function makeEgressRule(act: Act, groupId: string, projectId: string, ethertype: string): Promise<void> {
  await act.tx.create('security-group-rules', {
    id: act.newId(),
    security_group_id: groupId,
    project_id: projectId,
    direction: 'egress',
    ethertype,
  });
}

/** The closed group of the project, made if it is not there. */
export async function closedGroup(act: Act, projectId: string): Promise<string> {
  const id = closedGroupId(projectId);
  if (act.scene.view.get('security-groups', id) === null && (await act.tx.get('security-groups', id)) === null)
    await act.tx.create('security-groups', { id, name: CLOSED, project_id: projectId });
  return id;
}
