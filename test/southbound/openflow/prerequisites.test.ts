import assert from 'node:assert/strict';
import fc from 'fast-check';
import { matchField } from '../../../southbound/openflow/match.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import { unmetPrerequisite } from '../../../southbound/openflow/prerequisites.js';
import { comparableFields, validMatch } from './valid-flows.js';

/** Conditions that every Ethernet packet can be asked for. */
const unconditional = ['none', 'ethernet'];

describe('prerequisites of a match', () => {
  for (const field of comparableFields) {
    it(`of ${field.name} are fulfilled by what a switch accepts`, () => {
      fc.assert(
        fc.property(validMatch(field), match => {
          assert.equal(unmetPrerequisite(match), null);
        }),
        { numRuns: 20 },
      );
    });
  }

  it('are missed where the protocol is', () => {
    const names = comparableFields
      .filter(field => !unconditional.includes(field.prerequisite) && field !== oxm.ipTos)
      .map(field => [field, unmetPrerequisite([matchField(field, 1n)])] as const);
    for (const [field, unmet] of names) assert.equal(unmet, field);
    assert.ok(names.length > 30);
  });

  it('are missed where the protocol is another one, or only partly known', () => {
    const tcpPort = matchField(oxm.tcpDst, 80n);
    const udp = [matchField(oxm.ethType, 0x0800n), matchField(oxm.ipProto, 17n)];
    assert.equal(unmetPrerequisite([...udp, tcpPort]), oxm.tcpDst);
    assert.equal(unmetPrerequisite([matchField(oxm.ethType, 0x0806n), matchField(oxm.ipv4Src, 1n)]), oxm.ipv4Src);
    const router = [matchField(oxm.ethType, 0x86ddn), matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, 133n)];
    assert.equal(unmetPrerequisite([...router, matchField(oxm.ndTarget, 1n)]), oxm.ndTarget);
    assert.equal(unmetPrerequisite([matchField(oxm.vlanVid, 5n), matchField(oxm.vlanPcp, 3n)]), oxm.vlanPcp);
    assert.equal(
      unmetPrerequisite([matchField(oxm.ctState, 0x20n, 0x20n), matchField(oxm.ctNwProto, 6n)]),
      oxm.ctNwProto,
    );
  });
});
