/**
 * The order of everything. A packet goes down this list; it comes up again only where it enters another datapath:
 *
 *   interface -> phys_in -> ls_in_* -> ls_in_l2_lkup -> ls_out_delivery -> interface
 *                              tunnel -> ^      ^            |  |
 *                                               |            |  +-> tunnel_* -> other hypervisors
 *                              lr_out_delivery -+            +-> lr_in_* -> lr_in_arp_resolve
 *                                        ^------------------------------------------+
 */
import { aclLookups } from './acl.js';
import { balancerLookups } from './balancing.js';
import { layOut } from './layout.js';
import { physicalEgress, physicalIngress } from './physical.js';
import { routerEgress } from './router-egress.js';
import { routerIngress } from './router-ingress.js';
import { switchEgress } from './switch-egress.js';
import { lookups, switchIngress } from './switch-ingress.js';
import { tables } from './tables.js';

export const layout = layOut(
  [
    physicalIngress,
    switchIngress,
    switchEgress,
    routerIngress,
    routerEgress,
    lookups,
    aclLookups,
    balancerLookups,
    physicalEgress,
  ],
  tables,
);

/** Tables that only Weft writes; the others fill and empty by what packets teach the switch. */
export const ownTables: readonly number[] = layout.stages.filter(s => s.kind !== 'learned').map(s => layout.tableOf(s));
