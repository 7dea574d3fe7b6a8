/** What a router says of its gateway, from what hypervisors say of each other. */
import assert from 'node:assert/strict';
import { gatewayStatus, type GatewayCandidateStatus } from '../../../northbound/rest/gateway-status.js';
import { type BfdSession, bfdSessionOf } from '../../../src/model/gateway-tunnels.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';

const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
const lost = { isAlive: false, state: 'down', diagnostic: 'Control Detection Time Expired' } as const;
const alive = { isAlive: true, state: 'up', diagnostic: '' } as const;

describe('The status of a gateway', () => {
  /** Who says what of whom, by names; hv1 has the key 1. */
  function status(
    said: Readonly<Record<string, Readonly<Record<string, BfdSession>>>>,
    second: { readonly drain?: boolean } = {},
  ): readonly [string | null, readonly GatewayCandidateStatus[]] {
    const view = new NetworkView();
    view.replace(
      new NetworkBuilder()
        .hypervisor('hv1')
        .hypervisor('hv2', { bridgeMappings, gateway: true, ...second })
        .hypervisor('hv3', { bridgeMappings, gateway: true })
        .logicalSwitch('inside', '10.1.0.0/24')
        .providerSwitch('dmz', 'physnet1', null)
        .router('edge', { gateway: { logicalSwitchId: 'dmz', hypervisors: ['hv2', 'hv3', 'hv1'] } })
        .attach('edge-inside', 'edge', 'inside', '0a:00:00:00:00:01', ['10.1.0.1/24'])
        .attach('edge-dmz', 'edge', 'dmz', '0a:00:00:00:00:02', ['203.0.113.1/24'])
        .port('w', 'inside', '02:00:00:00:00:01', ['10.1.0.11'], ['hv1', 1])
        .snapshot(),
    );
    const router = view.get('logical-routers', 'edge') ?? assert.fail();
    const watched = (id: string): ReadonlyMap<number, BfdSession> =>
      new Map(Object.entries(said[id] ?? {}).map(([peer, session]) => [Number(peer.slice(2)), session]));
    const found = gatewayStatus(view, router, watched) ?? assert.fail();
    return [found.hypervisor, found.candidates];
  }
  const shown = (candidates: readonly GatewayCandidateStatus[]): readonly string[] =>
    candidates.map(
      ({ hypervisor, active, reason, used_by, lost_by }) =>
        `${hypervisor}${active ? ' active' : ''}, ${used_by}: ${reason}${lost_by.map(each => `; ${each.hypervisor}: ${each.reason}`).join('')}`,
    );
  const all = { hv1: { hv2: alive, hv3: alive }, hv2: { hv1: alive, hv3: alive }, hv3: { hv1: alive, hv2: alive } };

  it('names the first that can, and what others lack', () => {
    const [name, candidates] = status(all);
    assert.equal(name, 'hv2');
    assert.deepEqual(shown(candidates), [
      'hv2 active, 3: the first that can',
      'hv3, 0: next, should hv2 not',
      'hv1, 0: its gateway is false',
    ]);
  });

  it('names the one that has lost those before it, and who uses whom', () => {
    const [name, candidates] = status({ ...all, hv1: { hv2: lost, hv3: alive }, hv3: { hv1: alive, hv2: lost } });
    assert.equal(name, 'hv3');
    const reason = 'BFD down, Control Detection Time Expired';
    assert.deepEqual(shown(candidates), [
      `hv2, 1: lost by hv3: ${reason}; hv1: ${reason}; hv3: ${reason}`,
      'hv3 active, 2: it has lost hv2',
      'hv1, 0: its gateway is false',
    ]);
    // Only the sender has lost it: it uses the next, which lets its packets out.
    const [still, uses] = status({ ...all, hv1: { hv2: lost, hv3: alive } });
    assert.deepEqual([still, uses.map(each => each.used_by)], ['hv2', [2, 1, 0]]);
  });

  it('puts a drained one last', () => {
    const [name, candidates] = status(all, { drain: true });
    assert.deepEqual(
      [name, shown(candidates)],
      ['hv3', ['hv3 active, 3: the first that can', 'hv1, 0: its gateway is false', 'hv2, 0: it is drained']],
    );
  });

  it('takes a tunnel that has not been up yet for no loss', () => {
    const status = (values: Readonly<Record<string, string>>): BfdSession =>
      bfdSessionOf(new Map(Object.entries(values)));
    assert.equal(status({}).isAlive, null);
    assert.equal(status({ state: 'init', forwarding: 'false', flap_count: '0' }).isAlive, null);
    assert.equal(status({ state: 'up', forwarding: 'true', flap_count: '1' }).isAlive, true);
    assert.deepEqual(
      status({ state: 'down', forwarding: 'false', flap_count: '2', diagnostic: lost.diagnostic }),
      lost,
    );
    const remote = { diagnostic: 'No Diagnostic', remote_diagnostic: 'Concatenated Path Down' };
    assert.equal(
      status({ state: 'up', forwarding: 'false', flap_count: '1', ...remote }).diagnostic,
      'Concatenated Path Down',
    );
  });
});
