import { ownField } from './fields.js';
import { resource } from './resource.js';
import { integer, nullable, text, timestamp } from './value-types.js';

/**
 * What approves new hosts before they come. A noun for the store, so that its making, use and end are in the change log like every
 * write; REST has routes of its own for it, because it is made and taken back, and never changed.
 */
export const joinTokens = resource({
  kind: 'join-tokens',
  singular: 'join-token',
  description: 'What a new host brings to be approved at once. Weft keeps a hash.',
  named: true,
  exposed: false,
  audience: { read: 'admin', write: 'admin' },
  fields: {
    systemId: ownField(nullable(text({ max: 253 })), 'The only host that may use it; null: any.', {
      access: 'read-only',
    }),
    usesLeft: ownField(integer(0, 10_000), 'How many hosts may still use it.', { access: 'read-only' }),
    expiresAt: ownField(timestamp(), 'From when on it is not accepted.', { access: 'read-only' }),
    digest: ownField(text({ min: 64, max: 64 }), 'SHA-256 of its value, hexadecimal.', {
      access: 'internal',
      unique: true,
    }),
  },
  columns: ['systemId', 'usesLeft', 'expiresAt'],
});
