import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WeftError } from '../../src/base/errors.js';
import type { WritableKind } from '../../src/model/kinds.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
  return 'accepted';
};

describeOnBoth('Security groups in the store', store => {
  const create = async <K extends WritableKind>(kind: K, body: object) =>
    (await store().write(context, tx => tx.create(kind, body))).result.row;
  const remove = (kind: WritableKind, id: string, cascade = false) =>
    store().write(context, tx => tx.delete(kind, id, { cascade }));
  const exists = async (kind: WritableKind, id: string) =>
    (await store().write(context, tx => tx.get(kind, id))).result !== null;

  it('go with their rules, and only when nobody uses them', async () => {
    const group = await create('security-groups', { name: 'web' });
    const other = await create('security-groups', { name: 'db' });
    const own = await create('security-group-rules', {
      security_group_id: group.id,
      direction: 'ingress',
      remote_group_id: group.id,
    });
    const about = await create('security-group-rules', {
      security_group_id: other.id,
      direction: 'ingress',
      remote_group_id: group.id,
    });
    assert.equal(await codeOf(remove('security-groups', group.id)), 'in_use');
    await remove('security-group-rules', about.id);
    await remove('security-groups', group.id);
    assert.equal(await exists('security-group-rules', own.id), false);
    assert.equal(await exists('security-groups', other.id), true);
  });

  it('are left by their ports when they go with cascade', async () => {
    const group = await create('security-groups', { name: 'web' });
    const kept = await create('security-groups', { name: 'ssh' });
    const logicalSwitch = await create('logical-switches', { name: 's' });
    const port = await create('logical-switch-ports', {
      name: 'p',
      logical_switch_id: logicalSwitch.id,
      security_groups: [group.id, kept.id],
    });
    assert.equal(await codeOf(remove('security-groups', group.id)), 'in_use');
    await remove('security-groups', group.id, true);
    const { result } = await store().write(context, tx => tx.get('logical-switch-ports', port.id));
    assert.deepEqual(result?.securityGroups, [kept.id]);
    await store().write(context, tx => tx.merge('logical-switch-ports', port.id, { security_groups: [] }));
    await remove('security-groups', kept.id);
  });

  it('may be made, used and left in one transaction', async () => {
    const [groupId, portId, setId] = [randomUUID(), randomUUID(), randomUUID()];
    const logicalSwitch = await create('logical-switches', { name: 's' });
    await store().write(context, async tx => {
      await tx.create('security-groups', { id: groupId, name: 'g' });
      await tx.create('address-sets', { id: setId, name: 'a', addresses: ['192.0.2.1/32', '2001:DB8::/32'] });
      const rule = { security_group_id: groupId, direction: 'egress', protocol: 6, remote_address_set_id: setId };
      const { row } = await tx.create('security-group-rules', rule);
      assert.equal(row.protocol, 'tcp');
      const port = { id: portId, name: 'p', logical_switch_id: logicalSwitch.id, security_groups: [groupId] };
      await tx.create('logical-switch-ports', port);
    });
    const { result } = await store().write(context, tx => tx.get('address-sets', setId));
    assert.deepEqual(result?.addresses, ['192.0.2.1', '2001:db8::/32']);
    assert.equal(await codeOf(remove('address-sets', setId)), 'in_use');
    await remove('address-sets', setId, true);
    await remove('logical-switch-ports', portId);
    await remove('security-groups', groupId);
  });

  it('of another project are not to be seen', async () => {
    const group = await create('security-groups', { name: 'theirs', project_id: 'b' });
    const tenant = { ...context, projectId: 'a' };
    const port = (switchId: string) => ({ name: 'p', logical_switch_id: switchId, security_groups: [group.id] });
    const made = store().write(tenant, async tx => {
      const { row } = await tx.create('logical-switches', { name: 's' });
      return tx.create('logical-switch-ports', port(row.id));
    });
    assert.equal(await codeOf(made), 'reference_not_found');
  });
});
