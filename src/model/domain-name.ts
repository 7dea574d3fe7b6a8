/** Domain names as a type of values. */
import { parseDomainName } from '../base/domain-name.js';
import { Type } from './json-schema.js';
import { quoted, refuse, type ValueType } from './value-types.js';

/** A domain name, canonically in lower case and without the final dot. */
export function domainName(): ValueType<string> {
  const schema = Type.String({ minLength: 1, maxLength: 254, examples: ['web.example.org'] });
  return {
    schema,
    inputSchema: schema,
    column: 'text',
    nullable: false,
    parse: (value, pointer) =>
      (typeof value === 'string' ? parseDomainName(value) : null) ??
      refuse('invalid_value', pointer, `${quoted(value)} is not a domain name such as web.example.org.`),
    toWire: value => value,
    // Weft wrote it after `parse` accepted it.
    fromWire: wire => wire as string,
  };
}
