/** Policies of Kubernetes, said with security groups as docs/api.md has it: what they mean together, as a table. */
import assert from 'node:assert/strict';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { AskedNetwork } from './asked-network.js';

const numberOf = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const textOf = (value: number): string => [24, 16, 8, 0].map(shift => Math.floor(value / 2 ** shift) % 256).join('.');

/** An `ipBlock` without its `except`: the networks that are left of it. */
function without(cidr: string, except: string): readonly string[] {
  const [, outer] = cidr.split('/').map(Number);
  const [hole = '', inner] = except.split('/');
  return Array.from({ length: Number(inner) - Number(outer) }, (_, index) => {
    const length = Number(outer) + index + 1;
    const size = 2 ** (32 - length);
    const place = Math.floor(numberOf(hole) / size);
    // Its other half at each length on the way to the hole.
    return `${textOf((place % 2 === 0 ? place + 1 : place - 1) * size)}/${length}`;
  });
}

const policies = {
  /** from: ipBlock 10.0.0.0/8 except 10.1.0.0/16 */
  block: (network: NetworkBuilder) =>
    network
      .addressSet('left of it', ...without('10.0.0.0/8', '10.1.0.0/16'))
      .securityGroup('block', { isolates: ['ingress'] })
      .rule('from block', 'block', 'ingress', { protocol: 'tcp', portMin: 80, remoteAddressSetId: 'left of it' }),
  /** from: ipBlock 10.1.2.0/24 */
  hole: (network: NetworkBuilder) =>
    network
      .securityGroup('hole', { isolates: ['ingress'] })
      .rule('from hole', 'hole', 'ingress', { protocol: 'tcp', portMin: 80, remoteCidr: '10.1.2.0/24' }),
  /** ingress: [] */
  nothing: (network: NetworkBuilder) => network.securityGroup('nothing', { isolates: ['ingress'] }),
} as const;

type Policy = keyof typeof policies;
const sources = ['10.0.255.255', '10.1.0.0', '10.1.2.3', '10.1.255.255', '10.2.0.0', '11.0.0.0', '192.0.2.1'] as const;

/** Which of the sources may connect, by the policies that select the port. */
const table: readonly (readonly [readonly Policy[], readonly (0 | 1)[]])[] = [
  [[], [1, 1, 1, 1, 1, 1, 1]],
  [['nothing'], [0, 0, 0, 0, 0, 0, 0]],
  [['block'], [1, 0, 0, 0, 1, 0, 0]],
  [['hole'], [0, 0, 1, 0, 0, 0, 0]],
  // They add up: what one excepts, another may allow.
  [
    ['block', 'hole'],
    [1, 0, 1, 0, 1, 0, 0],
  ],
  [
    ['block', 'nothing'],
    [1, 0, 0, 0, 1, 0, 0],
  ],
  [
    ['block', 'hole', 'nothing'],
    [1, 0, 1, 0, 1, 0, 0],
  ],
];

describe('Policies of Kubernetes', () => {
  for (const [selecting, expected] of table) {
    it(`${selecting.join(' and ') || 'none'}: ${expected.join('')}`, () => {
      const network = new NetworkBuilder()
        .hypervisor('hv1')
        .logicalSwitch('pods', '172.16.0.0/24')
        .port('client', 'pods', '02:00:00:00:00:01', ['172.16.0.1'], ['hv1', 1], { portSecurity: false });
      for (const policy of selecting) policies[policy](network);
      network.port('pod', 'pods', '02:00:00:00:00:02', ['172.16.0.2'], ['hv1', 2], { securityGroups: [...selecting] });
      const asked = new AskedNetwork(network);
      const may = (source: string): 0 | 1 => {
        const { outcome } = asked.ask('client', { to_port_id: 'pod', source_ip: source, protocol: 'tcp', port: '80' });
        return outcome === 'allow' ? 1 : 0;
      };
      assert.deepEqual(sources.map(may), expected);
    });
  }

  it('need an address set of at most 24 networks for a hole of length 24', () => {
    assert.equal(without('0.0.0.0/0', '198.51.100.0/24').length, 24);
    assert.deepEqual(without('10.0.0.0/30', '10.0.0.2/32'), ['10.0.0.0/31', '10.0.0.3/32']);
  });
});
