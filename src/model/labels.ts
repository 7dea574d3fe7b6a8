import { pointerTo } from '../base/errors.js';
import { Type } from './json-schema.js';
import { isObject, quoted, refuse, text, type ValueType } from './value-types.js';

export type Labels = Readonly<Record<string, string>>;

const MAX_LABELS = 64;
const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const MAX_VALUE = 255;
const valueText = text({ max: MAX_VALUE });

/** The key of a label. */
export function labelKey(): ValueType<string> {
  const schema = Type.String({ pattern: LABEL_KEY.source });
  return {
    ...text({ max: 128 }),
    schema,
    inputSchema: schema,
    parse: (value, pointer) =>
      typeof value === 'string' && LABEL_KEY.test(value)
        ? value
        : refuse('invalid_value', pointer, `${quoted(value)} is not the key of a label.`),
  };
}

/** The value of a label. */
export function labelValue(): ValueType<string> {
  return text({ max: MAX_VALUE });
}

/**
 * Labels: what callers attach for their own use. At most 64; keys of letters, digits, `.`, `_`, `-` and `/`. That form also
 * refuses `__proto__` and its like before they can become members of an object.
 */
export function labels(): ValueType<Labels> {
  const schema = Type.Record(Type.String({ pattern: LABEL_KEY.source }), Type.String({ maxLength: MAX_VALUE }), {
    maxProperties: MAX_LABELS,
    additionalProperties: false,
  });
  return {
    schema,
    inputSchema: schema,
    column: 'jsonb',
    nullable: false,
    parse: (value, pointer) => {
      if (!isObject(value)) return refuse('invalid_value', pointer, `${quoted(value)} is not an object.`);
      const entries = Object.entries(value);
      if (entries.length > MAX_LABELS)
        return refuse(
          'out_of_range',
          pointer,
          `There are ${entries.length} labels; at most ${MAX_LABELS} are allowed.`,
        );
      return inOrder(
        entries.map(([key, each]) => {
          const at = pointerTo(pointer, key);
          if (!LABEL_KEY.test(key)) return refuse('invalid_value', at, `${quoted(key)} is not the key of a label.`);
          return [key, valueText.parse(each, at)];
        }),
      );
    },
    toWire: value => value,
    // The database has an order of its own.
    fromWire: wire => inOrder(Object.entries(wire as Labels)),
  };
}

function inOrder(entries: [string, string][]): Labels {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
