/** OpenAPI 3.1 at /openapi.json and a page to read and try it at /docs, both without any outside asset. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

export async function registerDocumentation(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Weft',
        version,
        description: 'Networks of containers and VMs on stock Open vSwitch. Errors are RFC 9457 problem details.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description:
              'The secret of a token (POST /v1/tokens), or a JWT of the identity provider. Not needed with WEFT_AUTH=none.',
          },
        },
      },
      security: [{ token: [] }],
    },
    // Components are named by their nouns, not by their order.
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json.$id === 'string' ? json.$id : `def-${index}`,
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
