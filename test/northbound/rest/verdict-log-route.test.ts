/** What a tenant, another and an operator are told of what a security group had logged. */
import assert from 'node:assert/strict';
import type { LoggedVerdict } from '../../../src/slow-path/verdict-log.js';
import { as, callersByName } from './callers.js';
import { assertProblem, type RestFixture, startRest } from './rest-fixture.js';

describe('REST: what rules have logged', () => {
  let rest: RestFixture;
  let isActive = true;
  const lines: LoggedVerdict[] = [];
  let groupId = '';
  let [own, foreign] = ['', ''];

  const lineOf = (portId: string, projectId: string): LoggedVerdict => ({
    at: new Date(0),
    hypervisorId: 'somewhere',
    projectId,
    portId,
    groupId,
    ruleId: null,
    direction: 'ingress',
    verdict: 'drop',
    packet: {
      protocol: 6,
      source: '192.0.2.7',
      destination: '10.0.0.2',
      sourcePort: 49_152,
      destinationPort: 22,
      icmpType: null,
      icmpCode: null,
    },
    suppressed: 3,
  });

  before(async () => {
    rest = await startRest({
      authenticator: callersByName,
      isActive: () => isActive,
      verdictLog: { latest: id => (id === groupId ? lines : []) },
    });
    const make = async (kind: string, value: object): Promise<string> => {
      const { body, status, text } = await as(rest, 'admin')('POST', `/v1/${kind}`, value);
      assert.equal(status, 201, text);
      return String(body['id']);
    };
    groupId = await make('security-groups', { name: 'servers', project_id: 'alice' });
    const portOf = async (project: string): Promise<string> => {
      const logicalSwitch = await make('logical-switches', { name: `of ${project}`, project_id: project });
      return make('logical-switch-ports', { name: 'port', project_id: project, logical_switch_id: logicalSwitch });
    };
    [own, foreign] = [await portOf('alice'), await portOf('bob')];
    lines.push(lineOf(own, 'alice'), lineOf(foreign, 'bob'), lineOf('00000000-0000-4000-8000-000000000000', 'alice'));
  });
  after(() => rest.close());

  const logOf = (who: string) => as(rest, who)('GET', `/v1/security-groups/${groupId}/log`);

  it('a tenant is told of its own ports, and not on which hypervisor', async () => {
    const { status, body } = await logOf('alice');
    assert.equal(status, 200);
    const line = {
      at: '1970-01-01T00:00:00.000Z',
      verdict: 'drop',
      direction: 'ingress',
      security_group_rule_id: null,
      logical_switch_port_id: own,
      protocol: 6,
      source: '192.0.2.7',
      destination: '10.0.0.2',
      source_port: 49_152,
      destination_port: 22,
      icmp_type: null,
      icmp_code: null,
      suppressed: 3,
    };
    assert.deepEqual(body, { items: [line], is_active: true });
  });

  it('to another the group is not there', async () => {
    assertProblem(await logOf('bob'), 404, 'not_found');
  });

  it('an operator is told of all ports that are there, and on which hypervisor', async () => {
    const { body } = await logOf('admin');
    const items = body['items'] as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(
      items.map(each => [each['logical_switch_port_id'], each['hypervisor']]),
      [
        [own, 'somewhere'],
        [foreign, 'somewhere'],
      ],
    );
  });

  it('a Weft that stands by says so', async () => {
    isActive = false;
    assert.equal((await logOf('alice')).body['is_active'], false);
    isActive = true;
  });
});
