/** Tags of every resource that has them. */
import type { FastifyRequest } from 'fastify';
import type { CommonRow } from '../../src/model/index.js';
import { isObject } from '../../src/model/value-types.js';
import { access, type Edge, idOf, isTag, readTags, requireRow } from './edge.js';
import { badRequest, NeutronFault } from './faults.js';
import { tagsOf } from './listing.js';
import { type NeutronResource, requireWriter } from './resource.js';

interface TagParams {
  readonly id: string;
  readonly tag: string;
}

const tagIn = (request: FastifyRequest): string => (request.params as TagParams).tag;

const unknownTag = (tag: string): NeutronFault =>
  new NeutronFault(404, 'TagNotFound', `Tag ${tag} could not be found.`);

export function registerTags(edge: Edge, resources: readonly NeutronResource[]): void {
  for (const resource of resources) if (resource.hasTags === true) registerTagsOf(edge, resource);
}

function registerTagsOf(edge: Edge, resource: NeutronResource): void {
  const { app } = edge;
  const path = `/v2.0/${resource.path}/:id/tags`;
  const rowOf = (request: FastifyRequest): CommonRow => requireRow(resource, request.scene, idOf(request));

  /** Makes the tags what `after` makes of those that there are. */
  const change = async (
    request: FastifyRequest,
    after: (tags: readonly string[]) => readonly string[],
  ): Promise<void> => {
    const row = rowOf(request);
    requireWriter(resource, 'update', request.scene.identity, row);
    await edge.write(request, { title: resource.title, id: row.id }, async act => {
      const { tags } = await act.said(row.id);
      const next = after(Array.isArray(tags) ? (tags as string[]) : []);
      if (resource.said !== null) await act.say(resource.said, row, { tags: next.length > 0 ? next : undefined });
    });
  };

  app.get(path, access('read'), async request => ({ tags: tagsOf(request.scene, rowOf(request)) }));
  app.put(path, access('write'), async request => {
    if (!isObject(request.body) || request.body['tags'] === undefined)
      throw badRequest("Invalid tags body: 'tags' is missing");
    const tags = readTags(request.body['tags']);
    await change(request, () => tags);
    return { tags };
  });
  app.delete(path, access('write'), async (request, reply) => {
    await change(request, () => []);
    return reply.code(204).send();
  });
  app.get(`${path}/:tag`, access('read'), async (request, reply) => {
    const tag = tagIn(request);
    if (!tagsOf(request.scene, rowOf(request)).includes(tag)) throw unknownTag(tag);
    return reply.code(204).send();
  });
  app.put(`${path}/:tag`, access('write'), async (request, reply) => {
    const tag = tagIn(request);
    if (!isTag(tag)) throw badRequest('Invalid input for tags. Reason: it is not a text of 1 to 255 characters');
    await change(request, tags => readTags([...tags, tag]));
    return reply.code(201).send();
  });
  app.delete(`${path}/:tag`, access('write'), async (request, reply) => {
    const tag = tagIn(request);
    await change(request, tags => {
      if (!tags.includes(tag)) throw unknownTag(tag);
      return tags.filter(each => each !== tag);
    });
    return reply.code(204).send();
  });
}
