/** The oracle of the long tests: what a switch holds, against a compile from nothing of what the database holds. */
import { Compiler } from '../../src/compiler/compiler.js';
import { rules } from '../../src/compiler/rules.js';
import { SwitchComparison } from '../../src/delivery/comparison.js';
import { DesiredState } from '../../src/delivery/desired-state.js';
import { encodeFragment } from '../../src/delivery/encoded-fragment.js';
import { readSentinel, sentinelTable } from '../../src/delivery/sentinel.js';
import { NetworkView, type Snapshot } from '../../src/view/network-view.js';
import { dialSwitch } from '../delivery/support.js';

/** A fleet as it should be, computed without any past. */
export class FromScratch {
  readonly #desired = new DesiredState();
  readonly #ids = new Map<string, string>();

  constructor(snapshot: Snapshot) {
    const view = new NetworkView();
    const compiler = new Compiler(rules, view, encodeFragment);
    const delta = compiler.update(view.replace(snapshot));
    for (const { id, systemId, allowed } of snapshot.rows.hypervisors) {
      if (!allowed || systemId === null) continue;
      this.#ids.set(systemId, id);
      this.#desired.addHypervisor(id);
    }
    this.#desired.apply(delta);
  }

  flowsOn(systemId: string): number {
    return this.#desired.flowsOn(this.#idOf(systemId));
  }

  /** What is not as it should be on the switch behind a bridge's management socket: a key for each fragment concerned. */
  async differences(systemId: string, managementSocket: string): Promise<readonly string[]> {
    const id = this.#idOf(systemId);
    const comparison = new SwitchComparison();
    for (const { fragment } of this.#desired.fragmentsOn(id)) comparison.want(fragment, true);
    const target = await dialSwitch(managementSocket);
    try {
      comparison.addGroups(await target.readGroups());
      comparison.addMeters(await target.readMeters());
      let digest: bigint | null = null;
      await target.readFlows({ tableId: null, cookie: 0n, cookieMask: 0n }, async flows => {
        for (const flow of flows) {
          comparison.addFlow(flow);
          if (flow.table === sentinelTable) digest = readSentinel(flow.cookie, flow.instructions)?.digest ?? null;
        }
      });
      const wrong = (await comparison.finish()).map(({ key }) => key);
      return digest === this.#desired.digestOn(id) ? wrong : [...wrong, 'the sentinel'];
    } finally {
      target.close('compared');
    }
  }

  #idOf(systemId: string): string {
    const id = this.#ids.get(systemId);
    if (id === undefined) throw new Error(`the database knows no hypervisor ${systemId}`);
    return id;
  }
}
