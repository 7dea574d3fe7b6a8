/**
 * Names that follow from an attachment alone. A plugin is killed at any point and called again: what it made before is found by these
 * names, on the host and in Weft, without a record of its own.
 */
import { createHash } from 'node:crypto';
import type { Attachment } from './request.js';

export interface Identity {
  /** The logical switch port. */
  readonly portId: string;
  /** The security group of egress rules of its own, where it has such. */
  readonly egressGroupId: string;
  /** The device on the host. */
  readonly hostDevice: string;
  /** The id of what else the attachment has, by its purpose. */
  readonly idOf: (purpose: string) => string;
}

/**
 * `hypervisor` is a part of it, for runtimes on two hosts may give a container the same id; so is the runtime's network, for a container may
 * have interfaces of one name in several.
 */
export function identityOf(
  hypervisor: string,
  network: string,
  { containerId, ifname }: Pick<Attachment, 'containerId' | 'ifname'>,
): Identity {
  const digest = (purpose: string): string =>
    createHash('sha256')
      .update(JSON.stringify(['weft-cni', hypervisor, network, containerId, ifname, purpose]))
      .digest('hex');
  const portId = uuidOf(digest('port'));
  return {
    portId,
    egressGroupId: uuidOf(digest('egress group')),
    hostDevice: hostDeviceOf(portId),
    idOf: purpose => uuidOf(digest(purpose)),
  };
}

/** The host's own port on a logical switch. A container's id has no slash. */
export function hostPortIdOf(hypervisor: string, network: string, logicalSwitchId: string): string {
  return identityOf(hypervisor, network, { containerId: `host/${logicalSwitchId}`, ifname: '' }).portId;
}

/** At most 15 characters. */
export function hostDeviceOf(portId: string): string {
  return `weft${portId.replaceAll('-', '').slice(0, 11)}`;
}

/** The MAC of the device on the host: that of the container with another first octet, so that the two differ. */
export function hostMacOf(mac: string): string {
  return `${mac.startsWith('fe') ? 'fa' : 'fe'}${mac.slice(2)}`;
}

/** A UUID of version 8 (RFC 9562, section 5.8): of bits that we choose. */
function uuidOf(hex: string): string {
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
