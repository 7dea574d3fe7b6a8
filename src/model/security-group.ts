import { optional } from './fields.js';
import { portSelector } from './port-selector.js';
import { resource } from './resource.js';
import { boolean, list, nullable, oneOf } from './value-types.js';

/** Seen from the port: ingress is what it receives, egress what it sends. */
export const directions = ['ingress', 'egress'] as const;
export type Direction = (typeof directions)[number];

export const securityGroups = resource({
  kind: 'security-groups',
  singular: 'security-group',
  description: 'Ports to which the same rules apply: those that name it, and those that its selector selects.',
  named: true,
  exposed: true,
  fields: {
    isolates: optional(
      list(oneOf(...directions), { max: 2, distinct: true }),
      'Directions in which its ports are denied what no rule allows (policyTypes of a NetworkPolicy).',
      { default: [...directions] },
    ),
    portSelector: optional(
      nullable(portSelector()),
      'Ports of the same project that belong to it by their labels, besides those that name it; {} selects all of them.',
      { default: null },
    ),
    logDenied: optional(
      boolean(),
      'Writes to the log what ports of the group are denied because no rule of theirs says anything about it.',
      { default: false },
    ),
  },
  columns: ['isolates', 'portSelector'],
});
