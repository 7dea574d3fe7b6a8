/** What a network comes to on each hypervisor. */
import { Compiler } from '../../src/compiler/compiler.js';
import type { Flow, Fragment, Group, Meter } from '../../src/compiler/fragment.js';
import { rules } from '../../src/compiler/rules.js';
import type { Rule } from '../../src/compiler/rule.js';
import { NetworkView, type Snapshot } from '../../src/view/network-view.js';
import { fragmentsOn, wholeFragments } from './whole-fragments.js';

export interface HostFlow extends Flow {
  readonly cookie: bigint;
}

/** What a hypervisor is to hold. */
export interface HostState {
  readonly flows: readonly HostFlow[];
  readonly groups: readonly Group[];
  readonly meters: readonly Meter[];
}

export class CompiledNetwork {
  readonly view = new NetworkView();
  readonly compiler: Compiler<Fragment>;

  constructor(snapshot: Snapshot, rooms: readonly Rule[] = rules) {
    this.compiler = new Compiler(rooms, this.view, wholeFragments);
    this.compiler.update(this.view.replace(snapshot));
  }

  /** Every fragment that concerns the hypervisor, as delivery selects them. */
  fragmentsOf(hypervisorId: string): readonly Fragment[] {
    return fragmentsOn(this.compiler, this.view, hypervisorId);
  }

  host(hypervisorId: string): HostState {
    const fragments = this.fragmentsOf(hypervisorId);
    return {
      flows: fragments.flatMap(({ flows, cookie }) => flows.map(flow => ({ ...flow, cookie }))),
      groups: fragments.flatMap(({ groups }) => groups ?? []),
      meters: fragments.flatMap(({ meters }) => meters ?? []),
    };
  }
}
