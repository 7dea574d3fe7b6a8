/** What a round of one hypervisor's reconciler is given: where it goes, whom it tells, and what is counted. */
import type { RoundContext } from './delivery-round.js';
import { encodeSentinel } from './encoding.js';
import type { HostLedger } from './host-ledger.js';
import type { AcceptedShapes } from './message-shape.js';
import type { DeliveryCounters, DeliveryIdentity } from './reconciler-context.js';
import type { StockTaking } from './stock-taking.js';
import type { Switch } from './switch.js';

export interface RoundParts {
  readonly ledger: HostLedger;
  readonly stock: StockTaking;
  readonly counters: DeliveryCounters;
  readonly accepted: AcceptedShapes;
  readonly identity: DeliveryIdentity;
  readonly nowMs: () => number;
  readonly refused: (key: string, error: string) => void;
}

export function roundContext(target: Switch, parts: RoundParts): RoundContext {
  const { ledger, stock, counters, identity } = parts;
  return {
    target,
    ledger,
    accepted: parts.accepted,
    metersSent: new Set(),
    nowMs: parts.nowMs,
    nextSentinel: isLast => stock.nextSentinel(isLast, identity),
    encodeSentinel,
    sending: sent => stock.sending(sent),
    committed: sent => stock.committed(sent),
    refused: parts.refused,
    count: ({ bundles, flows, groups, bytes, unasked }) => {
      counters.bundles += bundles;
      counters.flowMods += flows;
      counters.groupMods += groups;
      counters.bytes += bytes;
      counters.unaskedBundles += unasked;
    },
  };
}
