/**
 * Who may use which route. A route says so in its declaration; one that does not is refused when the server is built, so that
 * none is ever open because nobody thought of it. What a caller then sees of what is there is sight.ts.
 */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { type Audience, isInScope, type Role } from '../../src/model/audience.js';
import { type Kind, resourceOf } from '../../src/model/index.js';

export interface RouteRule {
  /** anyone, without a token too; project: callers of a project and those above; operator: callers of no project; admin. */
  readonly who: 'anyone' | 'project' | 'operator' | 'admin';
  readonly verb: 'read' | 'write';
  /** What a scope of a token names: a collection, or what the route is about. */
  readonly area: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteRule;
  }
}

/** Who is asking. */
export interface Caller {
  /** Shown as `by` of revisions. */
  readonly name: string;
  /** What the audit names: the id of the token, or the subject of an identity provider. */
  readonly subject: string;
  readonly role: Role;
  /** Null for an operator, who is of no project. */
  readonly projectId: string | null;
  /** Areas, each alone or with `:read`; empty: all that the role allows. */
  readonly scopes: readonly string[];
  /** From when on the token is not accepted; null: never. */
  readonly expiresAtMs: number | null;
  /** Whether the subject is a token of the database, which may be revoked. */
  readonly isStored?: boolean;
}

/** The rule of a verb on a collection, from what the noun says. */
export function ruleOf(kind: Kind, verb: RouteRule['verb']): RouteRule {
  const { audience }: { readonly audience: Audience } = resourceOf(kind);
  return { who: audience[verb], verb, area: kind };
}

/** Whether the caller's role is enough for the rule. */
export function isEntitled({ role, projectId }: Caller, { who, verb }: RouteRule): boolean {
  if (verb === 'write' && role === 'reader') return false;
  if (who === 'admin') return role === 'admin';
  return who !== 'operator' || projectId === null;
}

/** @throws WeftError forbidden */
export function enforce(rule: RouteRule, caller: Caller): void {
  if (rule.who === 'anyone') return;
  if (!isEntitled(caller, rule)) {
    const who = rule.verb === 'write' && caller.role === 'reader' ? 'A reader writes nothing' : words[rule.who];
    throw new WeftError('forbidden', { detail: `${who}.` });
  }
  // A transaction is checked operation by operation, and a watch shows what the scopes include.
  if (!mixed.has(rule.area) && !isInScope(caller.scopes, rule.area, rule.verb))
    throw new WeftError('forbidden', { detail: `The scopes of the token do not include ${rule.area}.` });
}

const words = { project: 'Not allowed', operator: 'This is for operators', admin: 'This is for admins' } as const;

/** Areas that are made of others. */
const mixed: ReadonlySet<string> = new Set(['transactions', 'watch', 'revisions']);

/** Pages that say how to ask, made by a plugin that knows no rules. */
const documentation = (url: string): boolean => url === '/openapi.json' || url === '/docs' || url.startsWith('/docs/');

/** Refuses every route that is registered from now on without a rule, and tells all that there are. */
export function requireRules(
  app: FastifyInstance,
): readonly (RouteRule & { readonly method: string; readonly url: string })[] {
  const rules: (RouteRule & { readonly method: string; readonly url: string })[] = [];
  app.addHook('onRoute', route => {
    if (documentation(route.url))
      route.config = { ...route.config, access: { who: 'anyone', verb: 'read', area: 'docs' } };
    const access = route.config?.access;
    if (access === undefined) throw new Error(`${String(route.method)} ${route.url} does not say who may use it`);
    for (const method of [route.method].flat()) rules.push({ method, url: route.url, ...access });
  });
  return rules;
}
