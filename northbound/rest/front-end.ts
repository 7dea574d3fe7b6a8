/** A front end beside REST on the same listener: what begins with its prefix is its own, with its own callers, errors and paths that are not there. */
import type { FastifyInstance } from 'fastify';

export interface FrontEnd {
  /** `/neutron` */
  readonly prefix: string;
  readonly register: (app: FastifyInstance) => Promise<void>;
}

/** Whether the request is for the front end. */
export function isFor({ prefix }: FrontEnd, url: string): boolean {
  const next = url.charAt(prefix.length);
  return url.startsWith(prefix) && (next === '' || next === '/' || next === '?');
}
