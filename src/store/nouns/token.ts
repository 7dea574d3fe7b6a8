import { createHash, randomBytes } from 'node:crypto';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';

/** Lets scanners of leaked secrets know what they have found. */
const PREFIX = 'weft_';

/** What is kept of a token: enough to know it again, and of no use to who reads it, for the secret has 256 random bits. */
export function tokenDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export const tokenBehaviour: Behaviour<'tokens'> = {
  async complete(unit, request, current, common) {
    const role = request.role ?? refuse('missing_member', '/role', 'It is missing.');
    if (role === 'admin' && common.projectId !== '')
      refuse('contradiction', '/project_id', 'An admin is of no project: leave it out.');
    if (role === 'member' && common.projectId === '')
      refuse('missing_member', '/project_id', 'A member is of a project.');
    const expiresAt = request.expiresAt ?? null;
    const rest = { role, scopes: request.scopes ?? [], expiresAt };
    if (current !== null) return { ...common, ...rest, digest: current.digest };
    const secret = `${PREFIX}${randomBytes(32).toString('base64url')}`;
    unit.showOnce(common.id, { secret });
    return { ...common, ...rest, digest: tokenDigest(secret) };
  },
  claims: () => [],
};
