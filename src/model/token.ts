import { roles } from './audience.js';
import { optional, ownField, required } from './fields.js';
import { resource } from './resource.js';
import { list, nullable, oneOf, plainText, text, timestamp } from './value-types.js';
import { Type } from './json-schema.js';

/** A collection or an area of routes, alone or with `:read`. */
const SCOPE = /^[a-z][a-z-]{0,62}(:read)?$/;

export const tokens = resource({
  kind: 'tokens',
  singular: 'token',
  description:
    'What a caller shows to be let in. Its secret is in the reply to its creation and nowhere else: Weft keeps a hash. Deletion revokes it.',
  named: true,
  exposed: true,
  audience: { read: 'admin', write: 'admin' },
  fields: {
    role: required(
      oneOf(...roles),
      'admin: everything, of all projects; member: reads and writes what its project owns; reader: reads, what its project owns or, without one, everything.',
      { access: 'immutable' },
    ),
    scopes: optional(
      list(plainText(SCOPE, 'a collection such as "subnets", or "subnets:read"'), { max: 64, distinct: true }),
      'Collections (and metrics) that it is for, each alone or with `:read`; empty: all that its role allows.',
      { default: [], access: 'immutable' },
    ),
    expiresAt: optional(nullable(timestamp()), 'From when on it is not accepted; null: never.', { default: null }),
    digest: ownField(text({ min: 64, max: 64 }), 'SHA-256 of the secret, hexadecimal.', {
      access: 'internal',
      unique: true,
    }),
  },
  computed: {
    secret: {
      schema: Type.String(),
      shownOnce: true,
      description: 'What the caller sends as Bearer; only in the reply to the creation.',
    },
    last_used_at: {
      schema: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
      description: 'When it was last used, to about a minute.',
    },
  },
  columns: ['role', 'scopes', 'expiresAt'],
});
