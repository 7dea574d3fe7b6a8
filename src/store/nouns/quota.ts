import { refuse } from '../../model/value-types.js';
import { EVERYWHERE } from '../claims.js';
import type { Behaviour } from './behaviour.js';

export const quotaBehaviour: Behaviour<'quotas'> = {
  async complete(_unit, request, _current, common) {
    if (common.projectId === '') refuse('missing_member', '/project_id', 'A quota is that of a project.');
    return { ...common, limits: request.limits ?? {} };
  },
  claims: row => [{ scope: EVERYWHERE, class: 'quota', value: row.projectId, pointer: '/project_id', subnetId: null }],
};
