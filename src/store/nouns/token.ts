import { createHash, randomBytes } from 'node:crypto';
import { pointerTo } from '../../base/errors.js';
import { isInScope, otherAreas } from '../../model/audience.js';
import { isKind } from '../../model/index.js';
import { quoted, refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';

/** Lets scanners of leaked secrets know what they have found. */
const PREFIX = 'weft_';

/** What is kept of a token: enough to know it again, and of no use to who reads it, for the secret has 256 random bits. */
export function tokenDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** A scope names something, and nobody makes a token that is for more than the own one. */
function checkScopes(asked: readonly string[], own: readonly string[]): void {
  if (asked.length === 0 && own.length > 0)
    refuse('forbidden', '/scopes', `Your token has scopes, so this one has some of them: ${own.join(', ')}.`);
  for (const [index, scope] of asked.entries()) {
    const pointer = pointerTo('/scopes', index);
    const area = scope.replace(/:read$/, '');
    if (!isKind(area) && !otherAreas.some(other => other === area))
      refuse('invalid_value', pointer, `${quoted(area)} is no collection, nor one of ${otherAreas.join(', ')}.`);
    if (!isInScope(own, area, area === scope ? 'write' : 'read'))
      refuse('forbidden', pointer, `Your token does not have the scope ${scope}.`);
  }
}

export const tokenBehaviour: Behaviour<'tokens'> = {
  async complete(unit, request, current, common) {
    const role = request.role ?? refuse('missing_member', '/role', 'It is missing.');
    if (role === 'admin' && common.projectId !== '')
      refuse('contradiction', '/project_id', 'An admin is of no project: leave it out.');
    if (role === 'member' && common.projectId === '')
      refuse('missing_member', '/project_id', 'A member is of a project.');
    const expiresAt = request.expiresAt ?? null;
    if (current === null) checkScopes(request.scopes ?? [], unit.scopes);
    const rest = { role, scopes: request.scopes ?? [], expiresAt };
    if (current !== null) return { ...common, ...rest, digest: current.digest };
    const secret = `${PREFIX}${randomBytes(32).toString('base64url')}`;
    unit.showOnce(common.id, { secret });
    return { ...common, ...rest, digest: tokenDigest(secret) };
  },
  claims: () => [],
};
