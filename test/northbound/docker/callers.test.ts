/** Who asks, where Docker says nothing of it. */
import assert from 'node:assert/strict';
import { callingHypervisor, type Caller, type KnownHosts } from '../../../northbound/docker/callers.js';
import { namesHost } from '../../../southbound/hypervisor/certificate.js';
import type { Hypervisor } from '../../../src/model/index.js';

const host = (name: string, systemId: string | null = name, allowed = true): Hypervisor =>
  ({ id: `id of ${name}`, name, systemId, allowed, approved: true }) as Hypervisor;

const known: KnownHosts = {
  hypervisors: [host('hv1'), host('hv2'), host('rack-7', '0190c0de'), host('gone', 'gone', false)],
  at: address => ({ '192.0.2.1': ['hv1'], '192.0.2.2': ['hv2', '0190c0de'] })[address] ?? [],
  names: namesHost,
};

function ask(caller: Partial<Caller>): string {
  const verdict = callingHypervisor(
    { address: '203.0.113.9', host: 'weft.example:9001', names: null, ...caller },
    known,
  );
  return verdict.kind === 'known' ? verdict.hypervisor.name : `nobody: ${verdict.reason}`;
}

describe('A Docker engine that asks straight', () => {
  it('is the hypervisor that its certificate names, whatever it says otherwise', () => {
    assert.equal(ask({ names: ['hv2'], host: 'hv1.weft.example', address: '192.0.2.1' }), 'hv2');
    assert.equal(ask({ names: ['0190c0de id:5f'] }), 'rack-7');
    assert.match(
      ask({ names: [], host: 'hv1.weft.example', address: '192.0.2.1' }),
      /^nobody: the certificate names nobody/,
    );
  });

  it('is without one what the name says by which it reached us', () => {
    assert.equal(ask({ host: 'hv1.weft.example:9001', address: '192.0.2.2' }), 'hv1');
    assert.equal(ask({ host: 'HV2:9001' }), 'hv2');
    assert.equal(ask({ host: '0190c0de.weft.example' }), 'rack-7');
  });

  it('is else the only one that is connected from its address', () => {
    assert.equal(ask({ address: '192.0.2.1' }), 'hv1');
    assert.match(ask({ address: '192.0.2.2' }), /^nobody: several/);
    assert.match(ask({ host: '192.0.2.50:9001' }), /^nobody: no hypervisor is connected from 203\.0\.113\.9/);
    assert.match(ask({ host: '[2001:db8::1]:9001' }), /^nobody/);
  });

  it('is nobody who was deleted', () => {
    assert.match(ask({ host: 'gone.weft.example' }), /^nobody/);
    assert.match(ask({ names: ['gone'] }), /^nobody/);
  });
});
