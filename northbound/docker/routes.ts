/** The plugin protocol for processes on hosts, which pass on what Docker asks them: with a token, and the hypervisor in the path. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { isObject } from '../../src/model/value-types.js';
import { specialRoute } from '../rest/openapi.js';
import type { RestContext } from '../rest/server.js';
import type { Driver } from './driver.js';
import type { Engine } from './scene.js';

interface Params {
  readonly hypervisor: string;
  readonly method: string;
}

interface Query {
  readonly attach?: string;
  readonly scope?: string;
}

const words = { attach: ['internal', 'veth'], scope: ['local', 'global'] } as const;

function wordOf<K extends keyof typeof words>(query: Query, name: K): (typeof words)[K][number] {
  const [fallback] = words[name];
  const given: string = query[name] ?? fallback;
  const found = (words[name] as readonly string[]).find(word => word === given);
  if (found === undefined)
    throw new WeftError('invalid_query', { detail: `${name} is one of ${words[name].join(', ')}.` });
  return found as (typeof words)[K][number];
}

export function registerDocker(app: FastifyInstance, { state }: RestContext, driver: Driver): void {
  const rule = { who: 'operator', verb: 'write', area: 'docker' } as const;
  const what = 'A request of Docker to its network driver or IPAM driver, passed on by a process on that hypervisor';
  const query = {
    attach: 'Who makes the devices of containers: internal (Weft), or veth (the process). Default: internal.',
    scope: 'What Docker is told of its networks: local, or global in a swarm. Default: local.',
  };
  app.post<{ Params: Params; Querystring: Query }>(
    '/docker/v1/:hypervisor/:method',
    specialRoute(rule, what, query),
    async request => {
      const { hypervisor, method } = request.params;
      const rows = state.view.rows('hypervisors');
      const [row, ...others] = rows.filter(({ id, name }) => id === hypervisor || name === hypervisor);
      if (row === undefined || others.length > 0)
        throw new WeftError(row === undefined ? 'reference_not_found' : 'reference_ambiguous', {
          detail: `${row === undefined ? 'No hypervisor has' : 'Several hypervisors have'} the name ${hypervisor.slice(0, 255)}.`,
        });
      const engine: Engine = {
        hypervisor: row,
        attach: wordOf(request.query, 'attach'),
        scope: wordOf(request.query, 'scope'),
      };
      const answer = await driver.answer(engine, method, isObject(request.body) ? request.body : {});
      if (answer === null)
        throw new WeftError('not_found', { detail: `There is no method ${method.slice(0, 80)} of Docker's plugins.` });
      return answer;
    },
  );
}
