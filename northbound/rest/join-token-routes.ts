/** `/v1/join-tokens`: made and shown once, listed without their value, taken back. */
import type { FastifyInstance } from 'fastify';
import { pointerTo, WeftError } from '../../src/base/errors.js';
import { Type } from '../../src/model/json-schema.js';
import { isObject, refuse } from '../../src/model/value-types.js';
import type { JoinToken } from '../../src/model/index.js';
import type { JoinTokenRequest } from '../../src/store/join-tokens.js';
import type { RouteRule } from './access.js';
import { writeContextOf } from './collections.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';

const rule = (verb: RouteRule['verb']): RouteRule => ({ who: 'admin', verb, area: 'join-tokens' });

/** How long a token is good where nobody says, and at most: it is for hosts that are being set up now. */
const defaultLifetimeS = 3_600;
const longestLifetimeS = 30 * 86_400;
const mostUses = 10_000;

const bodySchema = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    system_id: Type.Optional(Type.Union([Type.String({ maxLength: 253 }), Type.Null()])),
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: mostUses })),
    lifetime_s: Type.Optional(Type.Integer({ minimum: 1, maximum: longestLifetimeS })),
  },
  { additionalProperties: false },
);

function readRequest(body: unknown): JoinTokenRequest {
  const given = body ?? {};
  if (!isObject(given)) return refuse('invalid_value', '', 'The body is not an object.');
  const unknown = Object.keys(given).find(key => !['name', 'system_id', 'uses', 'lifetime_s'].includes(key));
  if (unknown !== undefined) refuse('unknown_member', pointerTo('', unknown), `There is no member ${unknown}.`);
  const text = (member: string, max: number): string | null => {
    const value = given[member] ?? null;
    if (value === null || (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) && value.length <= max))
      return value;
    return refuse('invalid_value', `/${member}`, `It is not at most ${max} printable characters.`);
  };
  const whole = (member: string, fallback: number, most: number): number => {
    const value = given[member] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse('out_of_range', `/${member}`, `It is not a whole number from 1 to ${most}.`);
  };
  return {
    name: text('name', 255) ?? '',
    systemId: text('system_id', 253),
    uses: whole('uses', 1, mostUses),
    lifetimeMs: whole('lifetime_s', defaultLifetimeS, longestLifetimeS) * 1_000,
  };
}

const wireOf = ({ id, name, systemId, usesLeft, createdAt, expiresAt }: JoinToken) => ({
  id,
  name,
  system_id: systemId,
  uses_left: usesLeft,
  created_at: createdAt,
  expires_at: expiresAt,
});

export function registerJoinTokens(app: FastifyInstance, { store, log }: RestContext): void {
  const { joinTokens } = store;
  const created = specialRoute(rule('write'), 'Make a token that approves new hosts; its value is shown this once');
  app.post(
    '/v1/join-tokens',
    { ...created, schema: { ...created.schema, body: bodySchema } },
    async (request, reply) => {
      const { token, row, revision } = await joinTokens.create(readRequest(request.body), writeContextOf(request));
      log.info({ id: row.id, by: request.caller.name, uses: row.usesLeft, expires: row.expiresAt }, 'join token made');
      return reply
        .code(201)
        .header('weft-revision', revision)
        .send({ ...wireOf(row), token });
    },
  );
  app.get(
    '/v1/join-tokens',
    specialRoute(rule('read'), 'Tokens that can still be used, without their values'),
    async () => ({
      items: (await joinTokens.list()).map(wireOf),
    }),
  );
  app.delete<{ Params: { id: string } }>(
    '/v1/join-tokens/:id',
    specialRoute(rule('write'), 'Take a join token back'),
    async (request, reply) => {
      const id = request.params.id.toLowerCase();
      const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
      const revision = isId ? await joinTokens.delete(id, writeContextOf(request)) : null;
      if (revision === null) throw new WeftError('not_found', { detail: 'There is no such join token.' });
      log.info({ id, by: request.caller.name }, 'join token taken back');
      return reply.code(204).header('weft-revision', revision).send();
    },
  );
}
