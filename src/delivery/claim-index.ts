/** Which interfaces of all hosts name which port: found by the text of their iface-id, without going over the hosts. */
import type { ReportedInterface } from '../../southbound/hypervisor/inventory.js';

export interface IndexedClaim {
  readonly hypervisorId: string;
  readonly report: ReportedInterface;
}

export class ClaimIndex {
  /** By iface-id in lower case: ids are compared so. */
  readonly #byText = new Map<string, Map<string, IndexedClaim>>();
  /** The text by hypervisor and UUID of the interface. */
  readonly #textOf = new Map<string, string>();

  /** Takes in what differs on one host. */
  update(hypervisorId: string, changed: readonly ReportedInterface[], gone: readonly string[] = []): void {
    for (const uuid of gone) this.#remove(`${hypervisorId} ${uuid}`);
    for (const report of changed) {
      const place = `${hypervisorId} ${report.uuid}`;
      this.#remove(place);
      const text = report.ifaceId.toLowerCase();
      this.#textOf.set(place, text);
      const claims = this.#byText.get(text);
      if (claims === undefined) this.#byText.set(text, new Map([[place, { hypervisorId, report }]]));
      else claims.set(place, { hypervisorId, report });
    }
  }

  /** The claims of a port: by its id in any case, or by exactly its name. */
  *of(portId: string, portName: string): Generator<IndexedClaim> {
    yield* this.#byText.get(portId)?.values() ?? [];
    const named = portName.toLowerCase();
    if (named === portId) return;
    for (const claim of this.#byText.get(named)?.values() ?? []) if (claim.report.ifaceId === portName) yield claim;
  }

  #remove(place: string): void {
    const text = this.#textOf.get(place);
    if (text === undefined) return;
    this.#textOf.delete(place);
    const claims = this.#byText.get(text);
    claims?.delete(place);
    if (claims?.size === 0) this.#byText.delete(text);
  }
}
