/** Connections that begin inside: whose address outside they get, by lr_out_snat. */
import type { Cidr } from '../../base/address.js';
import type { Flow } from '../fragment.js';
import { advance, drop, translateConnection } from '../pipeline/actions.js';
import { anyOf, cidrValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lrOutDelivery, lrOutSnat } from '../pipeline/router-egress.js';
import { callerPriority, ctState, destination, source } from './matches.js';
import { ownAddress, type Outside, type Translating } from './outside.js';

/** One for each port by which packets leave to the outside. */
const atPorts = ({ datapath, ports }: Outside) =>
  ports.map(({ switchPortKey }) => ({ datapath, inPort: switchPortKey }));

/** From the network: its packets leave with the external address, but for those to exempted destinations. */
export function callerFlows(
  { rule, external, outside }: Translating,
  network: Cidr,
  priority: number,
): readonly Flow[] {
  const { family, value: address } = external;
  const from = source(family, anyOf(network));
  const exemptions = rule.exemptedDestinations.map(cidrValue).filter(each => each.family === family);
  return atPorts(outside).flatMap(at => [
    ...exemptions.map(exempted =>
      flow(lrOutSnat, {
        priority: priority + callerPriority.exempted,
        match: { ...at, ...from, ...destination(family, anyOf(exempted)) },
        actions: [advance(lrOutDelivery)],
      }),
    ),
    flow(lrOutSnat, {
      priority,
      match: { ...at, ...from, ctState: ctState.new },
      actions: [translateConnection(outside.zone, 'source', { family, address }, { to: lrOutDelivery })],
    }),
    // It would leave with an address that nobody outside can answer to.
    flow(lrOutSnat, {
      priority: priority + callerPriority.invalid,
      match: { ...at, ...from, ctState: ctState.invalid },
      actions: [drop('connection_invalid')],
    }),
  ]);
}

/** What has an external address as its source needs no other. Said by one rule for all that have it. */
export function translatedFlows({ external, outside }: Pick<Translating, 'external' | 'outside'>): readonly Flow[] {
  return atPorts(outside).map(at =>
    flow(lrOutSnat, {
      priority: callerPriority.translated,
      match: { ...at, ...source(external.family, external.value) },
      actions: [advance(lrOutDelivery)],
    }),
  );
}

/**
 * Who calls an external address from inside, and has none itself, borrows that of the router: the answer must be translated on the way back, by
 * the gateway. Said by one rule for all that have the address.
 */
export function hairpinFlows({ external, outside }: Pick<Translating, 'external' | 'outside'>): readonly Flow[] {
  const { family, value } = external;
  const own = ownAddress(outside, family);
  if (own === null) return [];
  return atPorts(outside).map(at =>
    flow(lrOutSnat, {
      priority: callerPriority.hairpin,
      match: { ...at, ...destination(family, value), ctState: ctState.new },
      actions: [translateConnection(outside.zone, 'source', { family, address: own }, { to: lrOutDelivery })],
    }),
  );
}
