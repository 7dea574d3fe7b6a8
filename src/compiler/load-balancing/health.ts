/**
 * Answers to checks of backends, which Weft has sent from a virtual address: they go to it, as many as a meter of the load balancer lets
 * through on each hypervisor, so who floods them spoils the checks of his own load balancer only.
 *
 * Load balancers that share an address have the answers of all of them taken by the first, by id.
 */
import { attachmentsOf, virtualAddress } from '../../view/balancing-rows.js';
import type { Flow } from '../fragment.js';
import { meterId, meterSlot } from '../identifiers.js';
import { set, toController } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { lsLb } from '../pipeline/balancing.js';
import { flow } from '../pipeline/flow.js';
import { puntClasses, puntControllerId } from '../pipeline/punt-classes.js';
import { lsInLbHealth } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { questions } from './numbers.js';

/** Three answers of each of its most backends in a second, and some more. */
const answers = { rate: 800, burst: 800 } as const;
/** As much as a check gives an answer room for, with all headers. */
const answerBytes = 512;

/** A switch without meters has no answers: its backends fail. */
export const balancingHealth = rule({
  name: 'load-balancing.health',
  number: 133,
  subjects: 'load-balancers',
  compile: (balancer, view) => {
    if (balancer.healthCheck === null) return null;
    const { family, value } = ipValue(balancer.vip);
    const limit = { id: meterId(balancer.number, meterSlot.healthCheck), unit: 'pktps', ...answers } as const;
    const asked = attachmentsOf(balancer).flatMap((id): readonly Flow[] => {
      const [first] = view.by('load-balancers', 'checkedAddress', virtualAddress(id, balancer.vip));
      const datapath = (view.get('logical-switches', id) ?? view.get('logical-routers', id))?.datapathKey;
      if (first?.id !== balancer.id || datapath === undefined) return [];
      return [
        flow(lsLb, {
          priority: 100,
          match: {
            datapath,
            balancerQuestion: questions.check,
            ...(family === 4 ? { ipv4Dst: value } : { ipv6Dst: value }),
          },
          actions: [set({ balancer: balancer.number })],
        }),
      ];
    });
    return {
      scope: { kind: 'datapath', datapathId: balancer.id },
      flows: [
        ...asked,
        flow(lsInLbHealth, {
          priority: 100,
          match: { balancer: balancer.number },
          actions: [
            set({ puntClass: puntClasses.health.code }),
            toController(puntControllerId, { meterId: limit.id, maxBytes: answerBytes }),
          ],
        }),
      ],
      meters: [limit],
      isOptional: true,
    };
  },
});
