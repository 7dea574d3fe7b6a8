/**
 * How a backend is chosen: by a select group that hashes. Open vSwitch gives each bucket a score from its id and the hash, and takes the
 * highest, so a backend that comes or goes moves only the connections that it gets or had, and every hypervisor chooses alike. It multiplies
 * scores by weights, which does not share in proportion: a backend of weight 2 has two buckets instead.
 */
import { matchField } from '../../../southbound/openflow/match.js';
import { oxm, type OxmField } from '../../../southbound/openflow/oxm.js';
import type { Backend, BalancedProtocol } from '../../model/load-balancer.js';
import type { SelectionMethod } from '../fragment.js';

/** Buckets of one group: its message has at most 64 kB. */
const maxBuckets = 384;
/** Bucket ids above are reserved by OpenFlow. */
const bucketIds = 0xffff_ff00;

const sourcePort: Readonly<Record<BalancedProtocol, OxmField>> = {
  tcp: oxm.tcpSrc,
  udp: oxm.udpSrc,
  sctp: oxm.sctpSrc,
};

/** By the client's address and port: each connection for itself; with affinity by its address alone. */
export function selectionOf(protocol: BalancedProtocol, family: 4 | 6, hasAffinity: boolean): SelectionMethod {
  const fields = [family === 4 ? oxm.ipv4Src : oxm.ipv6Src, ...(hasAffinity ? [] : [sourcePort[protocol]])];
  return { name: 'hash', fields: fields.map(field => matchField(field, field.allBits)) };
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** How many buckets each backend has: its weight in the lowest terms, or where those are too many as near to it as there is room. */
export function bucketCounts(weights: readonly number[]): readonly number[] {
  const common = weights.reduce(divisor, 0);
  const lowest = weights.map(weight => weight / Math.max(1, common));
  const total = lowest.reduce((sum, weight) => sum + weight, 0);
  if (total <= maxBuckets) return lowest;
  // Each has one, and the others are shared.
  const shared = maxBuckets - weights.length;
  return lowest.map(weight => 1 + Math.floor((weight / total) * shared));
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

export interface Share<B> {
  readonly bucketId: number;
  readonly backend: B;
}

/** The buckets of the backends. An id is that of its backend whatever others there are, unless two hash alike. */
export function sharesOf<B extends Pick<Backend, 'ip' | 'port' | 'weight'>>(
  backends: readonly B[],
): readonly Share<B>[] {
  const name = ({ ip, port }: B): string => `${ip} ${port}`;
  const sorted = backends.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
  const counts = bucketCounts(sorted.map(({ weight }) => weight));
  const taken = new Set<number>();
  return sorted.flatMap((backend, index) =>
    Array.from({ length: counts[index] ?? 0 }, (_, copy) => {
      let bucketId = hashOf(`${name(backend)} ${copy}`) % bucketIds;
      while (taken.has(bucketId)) bucketId = (bucketId + 1) % bucketIds;
      taken.add(bucketId);
      return { bucketId, backend };
    }),
  );
}
