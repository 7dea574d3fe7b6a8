/**
 * Room `mirrors`: copies by flows and nothing else, so that there may be any number of them, and what is mirrored goes its own way
 * untouched. Copies of one port for several collectors are made one after the other.
 *
 *   ls_in_mirror, ls_out_mirror --copy--> interface of the collector                       it is on this hypervisor
 *                               --copy--> tunnel, with the key of the mirror -> phys_in -> interface of the collector
 *                               --copy--> GRE or ERSPAN to an address of the underlay
 */
import { copies } from '../../model/port-features.js';
import { MIRROR_OFPORTS, TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { next, onCopy, output, outputTagged, pushTag, set, type Step } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { physIn } from '../pipeline/physical.js';
import { type copyFields, lsOutMirror } from '../pipeline/switch-egress.js';
import { lsInMirror } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

type Mirror = NetworkRow<'mirrors'>;
type CopyField = (typeof copyFields)[number];
type Copy = Step<never, CopyField>;

/** Also where the packet came in by that port, to which Open vSwitch would not send it back. */
const outOf = (ofport: number, ...steps: readonly Copy[]): Copy =>
  onCopy<never, CopyField>(set({ physicalPort16: 0 }), ...steps, output(ofport));

function through(ofport: number, address: string, tunnelId: number): Copy {
  const { family, value } = ipValue(address);
  const destination = family === 4 ? { tunnelDestination4: value } : { tunnelDestination6: value };
  return outOf(ofport, set({ tunnelId, ...destination }));
}

/**
 * One copy; null while nobody is there to get it. It does not go by tunnel_mtu: what is too big is counted there after another
 * pass through the data path, and Open vSwitch forgets what else it was to do with the packet.
 */
function copyFor(mirror: Mirror, hypervisorId: string, view: TrackedView): Copy | null {
  if (mirror.kind !== 'local') {
    return mirror.remoteIp === null ? null : through(MIRROR_OFPORTS[mirror.kind], mirror.remoteIp, mirror.key);
  }
  const collector = mirror.collectorPortId === null ? null : view.get('bound-ports', mirror.collectorPortId);
  if (collector === null) return null;
  if (collector.hypervisorId === hypervisorId)
    return onCopy<never, CopyField>(outputTagged(collector.ofport, collector.vlan));
  const receiver = view.get('hypervisors', collector.hypervisorId);
  if (receiver === null || !receiver.allowed || receiver.encapIp === null) return null;
  return through(TUNNEL_OFPORTS[receiver.encapTypes[0] ?? 'geneve'], receiver.encapIp, mirror.datapathKey);
}

/** The copies of a port's traffic, where it is bound. */
export const mirrorsOfPort = rule({
  name: 'mirrors.port',
  number: 90,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const mirrors = view.by('mirrors', 'logicalSwitchPortId', bound.id).toSorted((a, b) => a.number - b.number);
    if (mirrors.length === 0) return null;
    const port = view.get('logical-switch-ports', bound.id);
    const logicalSwitch = view.get('logical-switches', bound.logicalSwitchId);
    if (port === null || logicalSwitch === null || !port.enabled) return null;
    const copiesOf = (what: 'in' | 'out'): readonly Copy[] =>
      mirrors.flatMap(mirror => (copies(mirror, what) ? (copyFor(mirror, bound.hypervisorId, view) ?? []) : []));
    const [sent, got] = [copiesOf('out'), copiesOf('in')];
    const at = { datapath: logicalSwitch.datapathKey, outPort: port.portKey };
    const flows: readonly Flow[] = [
      ...(sent.length === 0
        ? []
        : [flow(lsInMirror, { priority: 100, match: { origin: port.number }, actions: [...sent, next] })]),
      ...(got.length === 0 ? [] : [flow(lsOutMirror, { priority: 100, match: at, actions: [...got, next] })]),
    ];
    if (flows.length === 0) return null;
    return { scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId }, flows };
  },
});

/** Copies from other hypervisors, at the collector's interface. */
export const mirrorsCollector = rule({
  name: 'mirrors.collector',
  number: 91,
  subjects: 'mirrors',
  compile: (mirror, view) => {
    if (mirror.collectorPortId === null) return null;
    const collector = view.get('bound-ports', mirror.collectorPortId);
    const source = view.get('bound-ports', mirror.logicalSwitchPortId);
    if (collector === null || source === null || source.hypervisorId === collector.hypervisorId) return null;
    return {
      scope: { kind: 'hypervisor', hypervisorId: collector.hypervisorId },
      flows: Object.values(TUNNEL_OFPORTS).map(physicalPort =>
        flow(physIn, {
          priority: 110,
          match: { physicalPort, tunnelId: mirror.datapathKey },
          actions: [...(collector.vlan === null ? [] : [pushTag(collector.vlan)]), output(collector.ofport)],
        }),
      ),
    };
  },
});
