/**
 * The one way a request body is read: the content type is compared before anything is parsed (an odd one must never get past
 * validation), then JSON within limits. `JSON.parse` keeps a member named `__proto__` as an own member; it is refused here.
 */
import { WeftError, pointerTo } from '../../src/base/errors.js';

/** Deeper documents have no meaning in this API, and recursive code must never meet them. */
const maximumDepth = 32;
const forbiddenMembers: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** `application/json`, and for PATCH also the media type that RFC 7396 names; a charset, if any, must be UTF-8. */
export function isAcceptedContentType(header: string | undefined, method: string): boolean {
  const text = (header ?? '')
    .toLowerCase()
    .replace(/\s*;\s*charset="?utf-8"?\s*$/, '')
    .trim();
  return text === 'application/json' || (method === 'PATCH' && text === 'application/merge-patch+json');
}

/**
 * @throws WeftError malformed_body when the text is not JSON, or is nested too deep, or has a forbidden member
 */
export function parseJsonBody(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WeftError('malformed_body', { detail: (error as Error).message, cause: error });
  }
  // Iterative: a recursive walk would overflow the stack on the very input that it is meant to refuse.
  const waiting: { value: unknown; pointer: string; depth: number }[] = [{ value, pointer: '', depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth >= maximumDepth) {
      throw new WeftError('malformed_body', {
        detail: `The body is nested deeper than ${maximumDepth} levels.`,
        pointer: next.pointer,
      });
    }
    for (const [name, member] of Object.entries(next.value)) {
      if (forbiddenMembers.has(name)) {
        throw new WeftError('unknown_member', {
          detail: `A member may not be named "${name}".`,
          pointer: pointerTo(next.pointer, name),
        });
      }
      if (typeof member === 'object' && member !== null) {
        waiting.push({ value: member, pointer: pointerTo(next.pointer, name), depth: next.depth + 1 });
      }
    }
  }
  return value;
}
