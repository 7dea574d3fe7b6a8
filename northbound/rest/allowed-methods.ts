/** Which methods a path has, so that one that is known under another method is answered with 405 and `Allow`. */
import type { FastifyInstance } from 'fastify';

/** Collects the routes that are registered from now on; the function returned tells the methods of a path, none if it is unknown. */
export function allowedMethods(app: FastifyInstance): (path: string) => readonly string[] {
  const routes = new Map<string, { readonly form: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = routes.get(url) ?? { form: formOf(url), methods: new Set<string>() };
    for (const each of [method].flat()) known.methods.add(each);
    routes.set(url, known);
  });
  return path => {
    const methods = new Set<string>();
    for (const route of routes.values()) if (route.form.test(path)) for (const each of route.methods) methods.add(each);
    return [...methods].toSorted();
  };
}

/** `/v1/subnets/:id` as an expression; a parameter is one segment of the path, `*` is whatever follows. */
function formOf(url: string): RegExp {
  const segments = url.split('/').map(segment => {
    if (segment === '*') return '.*';
    return segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`);
}
