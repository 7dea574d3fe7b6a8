import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LogicalSwitchPort } from '../../src/model/index.js';
import { camelCase, snakeCase } from '../../src/model/letter-case.js';
import { fromRecord, mergePatch, parseRequest, patchTarget, toRecord, toWire } from '../../src/model/wire.js';

const port: LogicalSwitchPort = {
  id: '0191d5a0-0000-7000-8000-000000000001',
  name: 'p',
  projectId: '',
  labels: { a: 'b' },
  createdAt: '2026-01-02T03:04:05.678Z',
  updatedAt: '2026-01-02T03:04:05.678Z',
  revision: 7,
  number: 3,
  logicalSwitchId: '0191d5a0-0000-7000-8000-000000000002',
  mac: '0a:00:00:00:00:01',
  ips: [{ ip: '10.0.0.5', subnetId: '0191d5a0-0000-7000-8000-000000000003' }],
  portSecurity: true,
  allowedAddresses: [{ mac: null, cidr: '10.1.0.0/16' }],
  parent: { portId: '0191d5a0-0000-7000-8000-000000000004', vlan: 7 },
  parentId: '0191d5a0-0000-7000-8000-000000000004',
  local: { addresses: ['169.254.169.254'] },
  enabled: true,
  unknownMacs: false,
  securityGroups: ['0191d5a0-0000-7000-8000-000000000004'],
  hypervisor: null,
  internalInterface: false,
  portKey: 9,
};

describe('Rows as JSON', () => {
  it('are snake_case all the way down, without internal fields', () => {
    const wire = toWire('logical-switch-ports', port);
    assert.deepEqual(wire['ips'], [{ ip: '10.0.0.5', subnet_id: '0191d5a0-0000-7000-8000-000000000003' }]);
    assert.deepEqual([wire['number'], wire['port_key'], wire['port_security']], [undefined, undefined, true]);
  });

  it('come back from the change log as they were', () => {
    const record: unknown = JSON.parse(JSON.stringify(toRecord('logical-switch-ports', port)));
    assert.deepEqual(fromRecord('logical-switch-ports', record as Record<string, unknown>), port);
  });

  it('are a valid body for their own replacement', () => {
    const { input } = parseRequest('logical-switch-ports', toWire('logical-switch-ports', port), port);
    assert.equal(input.mac, port.mac);
    assert.deepEqual(input.ips, port.ips);
    const patched = mergePatch(patchTarget('logical-switch-ports', port), {});
    assert.deepEqual(
      parseRequest('logical-switch-ports', patched, port),
      parseRequest('logical-switch-ports', toWire('logical-switch-ports', port), port),
    );
  });

  it('change letter case both ways', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,5}([A-Z][a-z]{1,5}){0,4}$/), name => camelCase(snakeCase(name)) === name),
    );
  });
});

describe('A merge patch', () => {
  /** The examples of RFC 7396, appendix A, whose target and patch are objects. */
  const examples: [string, string, string][] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ];

  it('does what RFC 7396 says', () => {
    for (const [target, patch, result] of examples)
      assert.deepEqual(
        mergePatch(JSON.parse(target) as Record<string, unknown>, JSON.parse(patch)),
        JSON.parse(result),
      );
  });

  it('cannot reach the prototype of objects', () => {
    const patch: unknown = JSON.parse('{"__proto__": {"polluted": true}, "labels": {"__proto__": "x"}}');
    const merged = mergePatch({ labels: {} }, patch);
    assert.equal(Object.hasOwn(merged, '__proto__'), true);
    assert.equal(Object.getPrototypeOf(merged), Object.prototype);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});
