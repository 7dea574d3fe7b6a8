/**
 * What a set of changes takes on the wire, put together once for all switches that make the same step: a change of a port is the same
 * messages on every hypervisor, and only the sentinel behind them differs.
 */
import { planBundles, type Bundle, type SwitchChange } from './bundle-plan.js';
import { bytesATurn } from './wire-round.js';

/** A bundle, with the length of its messages. */
export interface ShippedBundle extends Bundle {
  readonly bytes: number;
}

export interface Shipment {
  readonly changes: readonly SwitchChange[];
  readonly bundles: readonly ShippedBundle[];
  /** Changes with messages ahead of the bundles that cannot be sent twice. */
  readonly metered: readonly SwitchChange[];
  readonly metersAfter: readonly Uint8Array[];
  readonly zonesBefore: readonly Uint8Array[];
  readonly zonesAfter: readonly Uint8Array[];
  /** Shapes of the messages, each once, as far as they are known. */
  readonly shapes: readonly number[];
  /** The shapes of all messages are known. */
  readonly isShapeKnown: boolean;
  readonly flows: number;
  readonly groups: number;
  readonly bytes: number;
}

/** The latest ones that are worth it: a revision makes two or three different steps, and more is a bulk. */
const mostKept = 8;
const mostChangesKept = 64;
const kept: Shipment[] = [];

/** What these changes take, in this order. */
export function shipmentOf(changes: readonly SwitchChange[]): Shipment {
  if (changes.length > mostChangesKept) return compute(changes);
  for (const one of kept) if (areSame(one.changes, changes)) return one;
  const shipment = compute(changes);
  if (kept.push(shipment) > mostKept) kept.shift();
  return shipment;
}

/** Nothing is delivered any more: nothing is to be kept of what was. */
export function forgetShipments(): void {
  kept.length = 0;
}

function areSame(left: readonly SwitchChange[], right: readonly SwitchChange[]): boolean {
  return left.length === right.length && left.every((change, index) => change === right[index]);
}

function compute(changes: readonly SwitchChange[]): Shipment {
  const bundles = planBundles(changes).map(joined);
  const shapes = new Set<number>();
  for (const change of changes) for (const shape of change.shapes ?? []) shapes.add(shape);
  return {
    changes: [...changes],
    bundles,
    metered: changes.filter(({ metersBefore }) => metersBefore.length > 0),
    metersAfter: changes.flatMap(({ metersAfter }) => metersAfter),
    zonesBefore: changes.flatMap(({ zonesBefore }) => zonesBefore),
    zonesAfter: changes.flatMap(({ zonesAfter }) => zonesAfter),
    shapes: [...shapes],
    isShapeKnown: changes.every(({ shapes: known }) => known !== null),
    flows: changes.reduce((sum, { flowCount }) => sum + flowCount, 0),
    groups: changes.reduce((sum, { groupCount }) => sum + groupCount, 0),
    bytes: bundles.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What goes in one write is one buffer: a message is short, and a write is not. */
function joined(bundle: Bundle): ShippedBundle {
  const bytes = bundle.parts.reduce((sum, part) => sum + part.length, 0);
  if (bundle.parts.length < 2) return { ...bundle, bytes };
  const parts: Uint8Array[] = [];
  let [first, length] = [0, 0];
  const join = (end: number): void => {
    if (end > first)
      parts.push(
        end - first === 1 ? (bundle.parts[first] ?? nothing) : Buffer.concat(bundle.parts.slice(first, end), length),
      );
    [first, length] = [end, 0];
  };
  for (const [place, part] of bundle.parts.entries()) {
    if (length + part.length > bytesATurn) join(place);
    length += part.length;
  }
  join(bundle.parts.length);
  return { ...bundle, parts, bytes };
}

const nothing = new Uint8Array(0);
