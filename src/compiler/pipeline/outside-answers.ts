/** What a logical switch on a physical network hears from there, and says there in the name of a router: for the rooms that do. */
import type { Cidr } from '../../base/address.js';
import type { Flow } from '../fragment.js';
import { learnedCookie } from '../identifiers.js';
import { advance, learn, set, type Step } from './actions.js';
import { flow } from './flow.js';
import { lsInArpRsp, lsInGateway, lsNeighbourLearned } from './switch-ingress.js';

const arpRequest = 1;
const solicitation = 135;

/** Neighbours are remembered so long after they were heard last, in seconds: longer than Weft may be away. */
const neighbourSeconds = 14_400;
/** Neighbours outside that a switch remembers for one logical switch. */
const maxNeighbours = 8_192;

/** The number of the rule that owns what is learned: `gateway.outside`. */
export const outsideNumber = 152;

/** Who speaks outside, and where. */
export interface Speaker {
  readonly datapath: number;
  readonly mac: bigint;
  /** The number of the logical switch: it owns what is learned. */
  readonly number: number;
}

type Heard = 'arpSpa' | 'arpSha' | 'ipv6Src' | 'ndTarget' | 'ethSrc' | 'datapath' | 'resolved';

/** A neighbour speaks: it is remembered, unless a port has the address. */
export function remember(
  { number }: Pick<Speaker, 'number'>,
  address: { readonly address4: 'arpSpa' } | { readonly address6: 'ipv6Src' | 'ndTarget' },
  mac: 'arpSha' | 'ethSrc',
): Step<Heard, never> {
  return learn<Heard, 'datapath' | 'address4' | 'address6' | 'resolved', 'mac' | 'resolved'>({
    into: lsNeighbourLearned,
    priority: 100,
    cookie: learnedCookie(outsideNumber, number),
    hardTimeoutSeconds: neighbourSeconds,
    limit: maxNeighbours,
    match: { datapath: 'datapath', ...address, resolved: 'resolved' },
    load: { mac, resolved: 1n },
  });
}

export const fromOutside = { fromUnderlay: 1 } as const;
/** Of ls_in_arp_rsp. `alone`: what the gateway alone has heard. */
export const askedPriority = { passedOn: 120, nobody: 114, alone: 113, known: 112, overheard: 105 } as const;

/** Answers to questions from outside for an address of the router. `copies` goes with what was asked of the gateway alone. */
export function answerFlows(
  speaker: Speaker,
  target: Pick<Cidr, 'family' | 'address'>,
  copies: readonly Step<never, 'outHost' | 'fromUnderlay'>[],
): readonly Flow[] {
  const { datapath, mac } = speaker;
  const answer = [set({ mac, resolved: 1, ownsAddress: 0, targetIsRouter: 1 }), advance(lsInGateway)] as const;
  const alone = copies.length === 0 ? [] : [{ priority: askedPriority.alone, toAlone: { ethDst: mac }, copies }];
  const ways = [{ priority: askedPriority.known, toAlone: {}, copies: [] }, ...alone];
  const { question, nobody, address, asker } =
    target.family === 4
      ? {
          question: { arpOp: arpRequest, arpTpa: target.address },
          // Somebody who has no address yet.
          nobody: { arpSpa: 0 },
          address: set({ address4: target.address }),
          asker: remember(speaker, { address4: 'arpSpa' }, 'arpSha'),
        }
      : {
          question: { icmpv6Type: solicitation, ndTarget: target.address },
          nobody: { ipv6Src: 0 },
          address: set({ address6: target.address }),
          asker: remember(speaker, { address6: 'ipv6Src' }, 'ethSrc'),
        };
  const match = { datapath, ...fromOutside, ...question };
  return [
    ...ways.map(way =>
      flow(lsInArpRsp, {
        priority: way.priority,
        match: { ...match, ...way.toAlone },
        actions: [asker, ...way.copies, address, ...answer],
      }),
    ),
    flow(lsInArpRsp, {
      priority: askedPriority.nobody,
      match: { ...match, ...nobody },
      actions: [address, ...answer],
    }),
  ];
}
