import { randomBytes } from 'node:crypto';
import type { CommonRow, Hypervisor } from '../../model/index.js';
import { refuse } from '../../model/value-types.js';
import { EVERYWHERE } from '../claims.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';

/** As Open vSwitch writes it, in one way only: a host that is dialled is known again by it. */
const TARGET = /^(?:tcp|ssl):(?:\[[0-9a-f.]*:[0-9a-f:.]*\]|[^\s:[\]]+):([1-9]\d{0,4})$|^unix:\/\S+$/;

const isTarget = (text: string): boolean => Number(TARGET.exec(text)?.[1] ?? 0) <= 65_535 && TARGET.test(text);

export function hypervisorBehaviour(defaultUnderlayMtu: number): Behaviour<'hypervisors'> {
  return {
    async complete(unit, request, current, common) {
      const ovsdbTarget = request.ovsdbTarget ?? null;
      if (ovsdbTarget !== null && !isTarget(ovsdbTarget))
        refuse('invalid_value', '/ovsdb_target', `${ovsdbTarget} is not tcp:host:port, ssl:host:port or unix:/path.`);
      if (current === null && ovsdbTarget === null)
        refuse(
          'missing_member',
          '/ovsdb_target',
          'A hypervisor that dials Weft appears by itself; another needs a target.',
        );
      const approved = request.approved ?? true;
      if (current?.approved === true && !approved)
        refuse('invalid_value', '/approved', 'It is a member already; delete it to refuse it.');
      const base = current ?? (await newHypervisor(unit, common, defaultUnderlayMtu));
      return {
        ...base,
        ...common,
        drain: request.drain ?? false,
        gateway: request.gateway ?? false,
        adopt: request.adopt ?? false,
        allowed: request.allowed ?? true,
        approved,
        ovsdbTarget,
      };
    },
    claims: row => [
      { scope: EVERYWHERE, class: 'hypervisor_key', value: String(row.hypervisorKey), pointer: '', subnetId: null },
    ],
  };
}

/** A hypervisor of which nothing is known yet but that it is to be. */
export async function newHypervisor(unit: UnitOfWork, common: CommonRow, underlayMtu: number): Promise<Hypervisor> {
  return {
    ...common,
    systemId: null,
    encapIp: null,
    encapTypes: ['geneve'],
    underlayMtu,
    // Unguessable, so that nobody else's switch is taken for it.
    datapathId: randomBytes(8).toString('hex'),
    hypervisorKey: await unit.allocator.hypervisorKey(),
    drain: false,
    gateway: false,
    adopt: false,
    allowed: true,
    approved: true,
    ovsdbTarget: null,
    bridge: 'br-int',
    datapathType: 'system',
    bridgeMappings: [],
  };
}
