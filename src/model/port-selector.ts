/** Which ports a group has by their labels: Kubernetes' label selector. All conditions must hold; none selects every port. */
import type { Labels } from './labels.js';
import { labelKey, labels, labelValue } from './labels.js';
import { list, object, oneOf, refuse, type ValueType } from './value-types.js';

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** One condition on one label. */
export interface MatchExpression {
  readonly key: string;
  readonly operator: (typeof operators)[number];
  /** For `In` and `NotIn`; otherwise empty. */
  readonly values: readonly string[];
}

export interface PortSelector {
  readonly matchLabels: Labels;
  readonly matchExpressions: readonly MatchExpression[];
}

const expression = object({
  key: labelKey(),
  operator: oneOf(...operators),
  values: orEmpty(list(labelValue(), { max: 64, distinct: true })),
});

const selector = object({
  matchLabels: orEmpty(labels(), {}),
  matchExpressions: orEmpty(list(expression, { max: 64 })),
});

export function portSelector(): ValueType<PortSelector> {
  return {
    ...selector,
    parse: (value, pointer) => {
      const parsed = selector.parse(value, pointer);
      for (const [index, { operator, values }] of parsed.matchExpressions.entries()) {
        const at = `${pointer}/match_expressions/${index}/values`;
        const takesValues = operator === 'In' || operator === 'NotIn';
        if (takesValues && values.length === 0) refuse('missing_member', at, `${operator} needs values.`);
        if (!takesValues && values.length > 0) refuse('contradiction', at, `${operator} takes no values.`);
      }
      return parsed;
    },
  };
}

/** A member of an object that may be left out: it is then empty. */
function orEmpty<V>(type: ValueType<V>, empty: unknown = []): ValueType<V> {
  return {
    ...type,
    schema: { ...type.schema, default: empty },
    // What makes `object` accept its absence; null itself is never stored.
    nullable: true,
    parse: (value, pointer) => type.parse(value ?? empty, pointer),
    fromWire: wire => type.fromWire(wire ?? empty),
  };
}

/** Whether the labels of a port satisfy the selector. */
export function selects({ matchLabels, matchExpressions }: PortSelector, portLabels: Labels): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (portLabels[key] !== value) return false;
  return matchExpressions.every(condition => holds(condition, portLabels));
}

function holds({ key, operator, values }: MatchExpression, portLabels: Labels): boolean {
  const value = portLabels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
