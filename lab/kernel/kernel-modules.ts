/** Which files of a kernel's module tree make a module work, in the order in which they are loaded. */
import { basename } from 'node:path';

/** What depmod and the kernel's build left in lib/modules/VERSION. */
export interface ModuleIndex {
  /** modules.dep: `PATH: PATH PATH...`, a file and those that it needs. */
  readonly dependencies: string;
  /** modules.builtin: paths of what is part of the kernel itself. */
  readonly builtin: string;
}

/** `kernel/net/openvswitch/vport-geneve.ko.xz` is the module vport_geneve: hyphens in file names are underscores. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

function parse(
  dependencies: string,
): ReadonlyMap<string, { readonly path: string; readonly needs: readonly string[] }> {
  const modules = new Map<string, { path: string; needs: readonly string[] }>();
  for (const line of dependencies.split('\n')) {
    const [path = '', needs = ''] = line.split(':');
    if (path !== '') modules.set(moduleName(path), { path, needs: needs.trim().split(/\s+/).filter(Boolean) });
  }
  return modules;
}

/**
 * Paths of the modules of these names and of all that they need, each after what it needs itself. What is part of the
 * kernel itself is left out. Throws when the kernel has no such module.
 */
export function loadOrder(index: ModuleIndex, names: readonly string[]): readonly string[] {
  const modules = parse(index.dependencies);
  const builtin = new Set(index.builtin.split('\n').filter(Boolean).map(moduleName));
  const order = new Set<string>();
  const add = (name: string, above: readonly string[]): void => {
    if (above.includes(name)) throw new Error(`modules need each other in a circle: ${[...above, name].join(' ')}`);
    const module = modules.get(name);
    if (module === undefined) {
      if (builtin.has(name)) return;
      throw new Error(`the kernel has no module ${name}`);
    }
    for (const needed of module.needs) add(moduleName(needed), [...above, name]);
    order.add(module.path);
  };
  for (const name of names) add(name, []);
  return [...order];
}
