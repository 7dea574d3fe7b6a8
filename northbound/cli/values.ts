/** Text of the command line to JSON values, guided by the noun's declaration; the controller checks the rest. */
import type { Kind, Resource } from '../../src/model/index.js';
import { resourceOf } from '../../src/model/index.js';
import { snakeCase } from '../../src/model/letter-case.js';

export interface SettableMember {
  /** `logical_switch_id` */
  readonly member: string;
  /** `--logical-switch-id` */
  readonly flag: string;
  readonly description: string;
  readonly column: string;
  readonly nullable: boolean;
  /** The kind that the member refers to; a name may be given for its id then. */
  readonly refersTo: Kind | null;
  readonly required: boolean;
  readonly immutable: boolean;
}

/** The members of a noun that a person may set, except the name, which is an argument. */
export function settableMembers(kind: Kind): readonly SettableMember[] {
  const resource: Resource = resourceOf(kind);
  return resource.fieldNames.flatMap(name => {
    const field = resource.fields[name];
    if (field === undefined || name === 'name' || (field.access !== 'writable' && field.access !== 'immutable'))
      return [];
    const member = snakeCase(name);
    return [
      {
        member,
        flag: `--${member.replaceAll('_', '-')}`,
        description: field.description,
        column: field.type.column,
        nullable: field.type.nullable,
        refersTo: field.reference?.kind ?? null,
        required: field.presence === 'required',
        immutable: field.access === 'immutable',
      },
    ];
  });
}

/** `true`, `42`, `null`, `a,b`, `{"json":1}`, `key=value,…`, `physnet1:100` and `PORT_ID:100` as the member wants them. */
export function parseValue(member: SettableMember, text: string): unknown {
  if (member.nullable && text === 'null') return null;
  switch (member.column) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'integer':
    case 'bigint':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'jsonb':
      return parseStructured(member, text);
    default:
      return text;
  }
}

function parseStructured(member: SettableMember, text: string): unknown {
  if (/^\s*[[{]/.test(text)) return parseJson(member, text);
  const parts = text === '' ? [] : text.split(',').map(part => part.trim());
  if (member.member === 'labels') return Object.fromEntries(parts.map(part => splitAt(part, '=')));
  if (member.member === 'allocation_pools') {
    return parts.map(part => {
      const [start, end] = splitAt(part, '-');
      return { start, end };
    });
  }
  if (member.member === 'provider') {
    const [physicalNetwork, vlan] = splitAt(text, ':');
    return {
      physical_network: physicalNetwork,
      ...(vlan === '' ? {} : { vlan: /^\d+$/.test(vlan) ? Number(vlan) : vlan }),
    };
  }
  if (member.member === 'parent') {
    const [portId, vlan] = splitAt(text, ':');
    return { port_id: portId, vlan: /^\d+$/.test(vlan) ? Number(vlan) : vlan };
  }
  if (member.member === 'local') return { addresses: parts };
  if (member.member === 'allowed_addresses') return parts.map(cidr => ({ cidr }));
  return parts;
}

function parseJson(member: SettableMember, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${member.flag}: ${(error as Error).message}`, { cause: error });
  }
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
