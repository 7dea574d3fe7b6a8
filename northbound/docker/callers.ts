/** Which hypervisor asks: Docker sends nothing of that in its requests, and of the address of a plugin it uses the host and port only. */
import type { Hypervisor } from '../../src/model/index.js';

/** What is known of who asks. */
export interface Caller {
  /** From where, without the port. */
  readonly address: string;
  /** The host by which we were reached: the header of the request, with or without a port. */
  readonly host: string;
  /** Names in a certificate that was checked; null without encryption. */
  readonly names: readonly string[] | null;
}

export interface KnownHosts {
  readonly hypervisors: readonly Hypervisor[];
  /** The system ids of hypervisors whose connections come from an address. */
  readonly at: (address: string) => readonly string[];
  /** Whether one of the names in a certificate is the host's. */
  readonly names: (names: readonly string[], systemId: string) => boolean;
}

export type Verdict =
  | { readonly kind: 'known'; readonly hypervisor: Hypervisor }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What comes before the first dot, or the whole; without the port. */
function firstLabel(host: string): string {
  return /^([^.:[\]]+)/.exec(host)?.[1]?.toLowerCase() ?? '';
}

/**
 * With a certificate, the hypervisor that it names. Without, as on every connection in plain, what is said is believed: the first label of
 * the host name by which we were reached; else it is the only hypervisor that is connected from that address.
 */
export function callingHypervisor({ address, host, names }: Caller, known: KnownHosts): Verdict {
  const members = known.hypervisors.filter(
    ({ allowed, approved, systemId }) => allowed && approved && systemId !== null,
  );
  const only = (found: readonly Hypervisor[], reason: string): Verdict => {
    const [hypervisor] = found;
    return hypervisor !== undefined && found.length === 1
      ? { kind: 'known', hypervisor }
      : { kind: 'unknown', reason: found.length === 0 ? reason : `several hypervisors are meant by ${reason}` };
  };
  if (names !== null) {
    const named = members.filter(({ systemId }) => systemId !== null && known.names(names, systemId));
    return only(
      named,
      `the certificate names ${names.join(', ') || 'nobody'}, and no hypervisor of that name is known`,
    );
  }
  const label = firstLabel(host);
  const labelled = members.filter(({ name, systemId }) => [name, systemId].some(each => each?.toLowerCase() === label));
  if (labelled.length > 0) return only(labelled, host);
  const there = new Set(known.at(address));
  return only(
    members.filter(({ systemId }) => systemId !== null && there.has(systemId)),
    `no hypervisor is connected from ${address}, and ${host} does not begin with the name of one`,
  );
}
