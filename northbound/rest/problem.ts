/**
 * RFC 9457 problem details. The only place where an error becomes an HTTP reply; everything before it throws WeftErrors.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, WeftError } from '../../src/base/errors.js';
import type { Logger } from '../../src/base/log.js';

export const problemContentType = 'application/problem+json';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** What the caller can do. */
  readonly help: string;
  /** JSON pointer into the request body, or absent when no member is at fault. */
  readonly pointer?: string;
  /** Position in the list of operations of a transaction. */
  readonly operation?: number;
  /** By whom the object is in use, or with whom it collides. */
  readonly related?: readonly { readonly kind: string; readonly id: string; readonly name?: string }[];
  readonly request_id: string;
}

/** Objects that a reply names; the detail says how many there are. */
const mostRelated = 10;

export function problemOf(error: WeftError, requestId: string): Problem {
  const { status, title, help } = error.entry;
  return {
    type: `urn:weft:error:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.detail,
    help,
    ...(error.pointer === undefined ? {} : { pointer: error.pointer }),
    ...(error.operation === undefined ? {} : { operation: error.operation }),
    ...(error.related.length === 0 ? {} : { related: error.related.slice(0, mostRelated) }),
    request_id: requestId,
  };
}

/** What Fastify itself throws, in our codes; anything unknown is our own failure. */
export function asWeftError(error: unknown): WeftError {
  if (error instanceof WeftError) return error;
  const { code, message, statusCode } = error as { code?: string; message?: string; statusCode?: number };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new WeftError('body_too_large', { detail: 'The body is larger than this route accepts.', cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new WeftError('unsupported_media_type', { detail: message ?? 'Unsupported content type.', cause: error });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return new WeftError('malformed_body', { detail: message ?? 'The request is malformed.', cause: error });
    default:
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
        return new WeftError('malformed_body', { detail: message ?? 'The request is malformed.', cause: error });
      }
      return new WeftError('internal', {
        detail: 'An unexpected error; the log has it under this request id.',
        cause: error,
      });
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const known = asWeftError(error);
  if (known.entry.status >= 500) {
    log.error({ err: error, request_id: request.id, method: request.method, url: request.url }, 'request failed');
  }
  if (known.entry.retry && !reply.hasHeader('retry-after')) void reply.header('retry-after', '1');
  // RFC 6750: a token that was given and is not accepted is told from none.
  if (known.code === 'unauthenticated') {
    const error = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
    void reply.header('www-authenticate', `Bearer realm="weft"${error}`);
  }
  return reply
    .code(known.entry.status)
    .type(problemContentType)
    .send(JSON.stringify(problemOf(known, String(request.id))));
}
