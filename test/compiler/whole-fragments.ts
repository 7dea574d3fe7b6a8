/** A compiler that keeps fragments as the rules made them: what tests of rules and of the engine look at. */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import type { Compiler } from '../../src/compiler/compiler.js';
import type { Fragment, FragmentForm, FragmentHeader, Scope } from '../../src/compiler/fragment.js';
import type { NetworkView } from '../../src/view/network-view.js';

export const wholeFragments: FragmentForm<Fragment> = (fragment, held) =>
  held !== null && structurallyEqual(fragment, held) ? held : fragment;

/** Every fragment that concerns the hypervisor, as delivery selects them; sorted by key. */
export function fragmentsOn<F extends FragmentHeader>(compiler: Compiler<F>, view: NetworkView, id: string): F[] {
  const datapaths = new Set(view.by('residencies', 'hypervisorId', id).map(({ datapathId }) => datapathId));
  const meshes = view.by('mesh-members', 'hypervisorId', id).map(({ meshId }) => meshId);
  const peers = new Set(
    meshes.flatMap(meshId => view.by('mesh-members', 'meshId', meshId).map(({ hypervisorId }) => hypervisorId)),
  );
  peers.delete(id);
  const concerns = (scope: Scope): boolean => {
    if (scope.kind === 'datapath') return datapaths.has(scope.datapathId);
    if (scope.kind === 'peers') return peers.has(scope.hypervisorId);
    return scope.kind === 'everywhere' || scope.hypervisorId === id;
  };
  return [...compiler.fragments()]
    .filter(({ scope }) => concerns(scope))
    .sort((left, right) => (left.key < right.key ? -1 : 1));
}
