/** Callers by real tokens, which the bearer of the first one makes. */
import assert from 'node:assert/strict';
import type { Answer, Json, RestFixture } from './rest-fixture.js';

type Headers = Readonly<Record<string, string>>;
export type Bearer = (method: string, path: string, body?: unknown) => Promise<Answer>;

export function bearers(rest: () => RestFixture, firstToken: string) {
  const as =
    (token: string, more: Headers = {}): Bearer =>
    (method, path, body) =>
      rest().request(method, path, body, { authorization: `Bearer ${token}`, ...more });
  const admin = as(firstToken);
  const make = async (path: string, value: Json, by = admin): Promise<Json & { readonly id: string }> => {
    const { status, text, body } = await by('POST', path, value);
    assert.equal(status, 201, text);
    return { ...body, id: String(body['id']) };
  };
  const token = async (value: Json, by = admin): Promise<{ readonly id: string; readonly secret: string }> => {
    const made = await make('/v1/tokens', { name: 't', ...value }, by);
    return { id: made.id, secret: String(made['secret']) };
  };
  const member = async (project: string): Promise<Bearer> =>
    as((await token({ role: 'member', project_id: project })).secret);
  return { as, admin, make, token, member };
}
