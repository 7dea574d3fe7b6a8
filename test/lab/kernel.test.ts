/** The parts of the lab of virtual machines that need none: what is loaded in which order, and what ping said. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cpioArchive } from '../../lab/kernel/cpio.js';
import { loadOrder } from '../../lab/kernel/kernel-modules.js';
import { parsePing } from '../../lab/kernel/ping-probe.js';

describe('modules of a guest', () => {
  const dependencies = [
    'kernel/net/openvswitch/vport-geneve.ko: kernel/drivers/net/geneve.ko kernel/net/ipv4/udp_tunnel.ko kernel/net/openvswitch/openvswitch.ko kernel/net/nsh/nsh.ko',
    'kernel/net/openvswitch/openvswitch.ko: kernel/net/nsh/nsh.ko',
    'kernel/drivers/net/geneve.ko: kernel/net/ipv4/udp_tunnel.ko',
    'kernel/net/ipv4/udp_tunnel.ko:',
    'kernel/net/nsh/nsh.ko:',
    'kernel/drivers/net/veth.ko.xz:',
  ].join('\n');
  const builtin = 'kernel/drivers/virtio/virtio-pci.ko\n';

  it('are loaded after what they need, each once, by either spelling, compressed or not', () => {
    const order = loadOrder({ dependencies, builtin }, ['vport_geneve', 'veth']);
    assert.deepEqual(new Set(order), new Set(dependencies.split('\n').map(line => line.split(':')[0])));
    const at = (name: string): number => order.findIndex(path => path.includes(name));
    assert.ok(at('udp_tunnel') < at('geneve.ko') && at('nsh') < at('openvswitch.ko'));
    assert.ok(at('drivers/net/geneve') < at('vport-geneve') && at('openvswitch.ko') < at('vport-geneve'));
  });

  it('leave out what is part of the kernel, and name what it does not have', () => {
    assert.deepEqual(loadOrder({ dependencies, builtin }, ['virtio_pci']), []);
    assert.throws(() => loadOrder({ dependencies, builtin }, ['vport_gre']), /no module vport_gre/);
  });
});

describe('cpio archive of a guest', () => {
  it('has for every entry a header that leads to the next one', () => {
    const name = fc.stringMatching(/^[a-z]{1,9}$/);
    const files = fc.uniqueArray(fc.record({ name, content: fc.uint8Array({ maxLength: 9 }) }), {
      selector: file => file.name,
    });
    fc.assert(
      fc.property(files, given => {
        const entries = given.map(file => ({ ...file, content: Buffer.from(file.content) }));
        const archive = cpioArchive(
          entries.map(
            file => ({ kind: 'file', path: `a/b/${file.name}`, mode: 0o644, content: file.content }) as const,
          ),
        );
        const read = new Map(readArchive(archive));
        for (const file of entries) assert.deepEqual(read.get(`a/b/${file.name}`), file.content);
        const directories = given.length === 0 ? [] : ['a', 'a/b'];
        assert.deepEqual([...read.keys()].slice(0, directories.length), directories);
        assert.equal(read.size, given.length + directories.length);
      }),
    );
  });
});

/** Names and contents, read as the kernel does: from header to header, each at a multiple of four. */
function* readArchive(archive: Buffer): Iterable<readonly [string, Buffer]> {
  for (let at = 0; ; ) {
    assert.equal(archive.toString('latin1', at, at + 6), '070701');
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const [size, nameLength] = [field(6), field(11)];
    const name = archive.toString('utf8', at + 110, at + 110 + nameLength - 1);
    if (name === 'TRAILER!!!') return;
    const start = Math.ceil((at + 110 + nameLength) / 4) * 4;
    yield [name, archive.subarray(start, start + size)];
    at = Math.ceil((start + size) / 4) * 4;
  }
}

describe('ping as a probe', () => {
  const answer = (number: number, atMs: number, more = ''): string =>
    `[${(1_700_000_000 + atMs / 1000).toFixed(6)}] 64 bytes from 10.0.0.2: icmp_seq=${number % 65_536} ttl=64 time=0.5 ms${more}`;
  const text = (lines: readonly string[], transmitted: number, timeMs: number): string =>
    [
      'PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.',
      ...lines,
      '',
      '--- 10.0.0.2 ping statistics ---',
      `${transmitted} packets transmitted, ${lines.length} received, 0% packet loss, time ${timeMs}ms`,
    ].join('\n');

  it('counts what is lost in the middle, and not what was on its way at the end', () => {
    const lines = [1, 2, 3, 7, 8, 8].map((number, index) => answer(number, number * 10, index === 5 ? ' (DUP!)' : ''));
    assert.deepEqual(parsePing(text(lines, 10, 100)), {
      transmitted: 10,
      sent: 8,
      lost: 3,
      duplicates: 1,
      longestLossRun: 3,
      longestGapMs: 40,
      packetsPerSecond: 100,
    });
  });

  it('counts silence at the end as loss', () => {
    const { sent, lost, longestLossRun } = parsePing(text([answer(1, 10)], 300, 3000));
    assert.deepEqual([sent, lost, longestLossRun], [300, 299, 299]);
  });

  it('goes on counting when the numbers begin anew', () => {
    const numbers = Array.from({ length: 70_000 }, (_, index) => index + 1).filter(number => number !== 65_540);
    const { sent, lost } = parsePing(
      text(
        numbers.map(number => answer(number, number)),
        70_000,
        70_000,
      ),
    );
    assert.deepEqual([sent, lost], [70_000, 1]);
  });
});
