/** Callers of several projects and roles, known by tokens that are their names, for tests of who may do what. */
import type { Caller } from '../../../northbound/rest/access.js';
import type { Authenticator } from '../../../northbound/rest/authentication.js';
import { WeftError } from '../../../src/base/errors.js';
import type { Answer, RestFixture } from './rest-fixture.js';

const caller = (name: string, rest: Partial<Caller>): Caller => ({
  name,
  subject: name,
  role: 'member',
  projectId: null,
  scopes: [],
  expiresAtMs: null,
  ...rest,
});

const operators: readonly Caller[] = [
  caller('admin', { role: 'admin' }),
  caller('auditor', { role: 'reader' }),
  caller('scraper', { role: 'reader', scopes: ['metrics'] }),
];

/** `PROJECT` is a member, `PROJECT/reader` a reader, `PROJECT/SCOPE,SCOPE` a member with these scopes. */
export const callersByName: Authenticator = {
  authenticate(authorization) {
    const name = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (name === undefined) throw new WeftError('unauthenticated', { detail: 'There is no token.' });
    const [projectId = '', limit] = name.split('/');
    const operator = operators.find(each => each.name === name);
    if (operator !== undefined) return operator;
    if (limit === 'reader') return caller(name, { projectId, role: 'reader' });
    return caller(name, { projectId, scopes: limit?.split(',') ?? [] });
  },
  isStillValid: () => true,
};

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Asks as the caller of this name. */
export const as =
  (rest: RestFixture, name: string): Ask =>
  (method, path, body, headers = {}) =>
    rest.request(method, path, body, { ...headers, authorization: `Bearer ${name}` });
