import assert from 'node:assert/strict';
import { onHost, readConfiguration } from '../../../northbound/cni/configuration.js';
import { attachmentOf, commandOf, parseArgs, readRequest, validAttachments } from '../../../northbound/cni/request.js';
import { readWishes } from '../../../northbound/cni/wishes.js';

const conf = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'weft-cni', weft: { logicalSwitch: 'web' }, ...more });
const wishesOf = (more: Readonly<Record<string, unknown>>, args = '') =>
  readWishes(readRequest('ADD', { CNI_ARGS: args }, conf(more)));

describe('CNI: what the runtime says', () => {
  it('knows commands, and which versions have them', () => {
    assert.equal(commandOf({ CNI_COMMAND: 'GC' }), 'GC');
    assert.throws(() => commandOf({}), { code: 4, message: /CNI_COMMAND/ });
    for (const version of ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'])
      assert.equal(readRequest('ADD', {}, conf({ cniVersion: version })).version, version);
    for (const [command, version] of [
      ['ADD', '0.2.0'],
      ['ADD', '1.2.0'],
      ['CHECK', '0.3.1'],
      ['GC', '1.0.0'],
      ['STATUS', '1.0.0'],
    ] as const)
      assert.throws(
        () => readRequest(command, {}, conf({ cniVersion: version })),
        { code: 1 },
        `${command} ${version}`,
      );
    assert.throws(() => readRequest('ADD', {}, '{'), { code: 6 });
    assert.throws(() => readRequest('ADD', {}, '[]'), { code: 6 });
    assert.throws(() => readRequest('ADD', {}, conf({ name: '../x' })), { code: 7 });
  });

  it('names the variables that are missing or not valid', () => {
    const right = { CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/proc/7/ns/net' };
    assert.deepEqual(attachmentOf('ADD', right), { containerId: 'c1', ifname: 'eth0', netns: '/proc/7/ns/net' });
    assert.deepEqual(attachmentOf('DEL', { ...right, CNI_NETNS: '' }).netns, null);
    assert.throws(() => attachmentOf('ADD', { ...right, CNI_NETNS: '' }), { code: 4, message: /CNI_NETNS/ });
    for (const ifname of ['', '.', '..', 'a b', 'a/b', 'a:b', 'sixteen-long-xxx', "a'b", 'a\nb', '$(x)'])
      assert.throws(
        () => attachmentOf('ADD', { ...right, CNI_IFNAME: ifname }),
        { code: 4, message: /CNI_IFNAME/ },
        ifname,
      );
    for (const id of ['', '../x', '-x', 'a b'])
      assert.throws(() => attachmentOf('DEL', { ...right, CNI_CONTAINERID: id }), { code: 4 }, id);
  });

  it('collects nothing where the runtime does not say what is valid', () => {
    assert.equal(validAttachments({}), null);
    assert.equal(validAttachments({ 'cni.dev/valid-attachments': null }), null);
    assert.deepEqual(validAttachments({ 'cni.dev/valid-attachments': [] }), []);
    assert.deepEqual(validAttachments({ 'cni.dev/attachments': [{ containerID: 'a', ifname: 'eth0' }] }), [
      { containerId: 'a', ifname: 'eth0' },
    ]);
  });

  it('refuses what it does not know in its own part of the configuration', () => {
    const read = (weft: unknown) => readConfiguration(JSON.parse(conf({ weft })) as Record<string, unknown>);
    assert.deepEqual(read({ logicalSwitch: 'a' }).ovsdb, 'unix:/var/run/openvswitch/db.sock');
    assert.throws(() => read(undefined), { code: 7 });
    assert.throws(() => read({}), { code: 7, message: /logicalSwitch/ });
    assert.throws(() => read({ logicalSwitch: 'a', netwrok: 'b' }), { code: 2, message: /netwrok.*"b"/ });
    assert.throws(() => read({ logicalSwitch: 'a', mtu: 'b' }), { code: 7, message: /mtu/ });
    const configuration = onHost(read({ logicalSwitch: 'pods-{hypervisor}', subnets: ['{hypervisor}'] }), 'hv1');
    assert.deepEqual([configuration.logicalSwitch, configuration.subnets], ['pods-hv1', ['hv1']]);
  });

  it('hears addresses from wherever runtimes say them, the nearest first', () => {
    assert.deepEqual(
      [...parseArgs('A=1;B=x=y;C;=d')],
      [
        ['A', '1'],
        ['B', 'x=y'],
      ],
    );
    const runtimeConfig = { ips: ['10.0.0.5/24', 'FD00::5'], mac: '02-00-00-00-00-0A' };
    const args = { cni: { ips: ['10.0.0.6'], mac: '02:00:00:00:00:0b' } };
    const all = wishesOf({ runtimeConfig, args }, 'IP=10.0.0.7;MAC=02:00:00:00:00:0c');
    assert.deepEqual([all.ips, all.mac], [['10.0.0.5', 'fd00::5'], '02:00:00:00:00:0a']);
    const second = wishesOf({ args }, 'IP=10.0.0.7;MAC=02:00:00:00:00:0c');
    assert.deepEqual([second.ips, second.mac], [['10.0.0.6'], '02:00:00:00:00:0b']);
    const third = wishesOf({}, 'IgnoreUnknown=1;IP=10.0.0.7;MAC=02:00:00:00:00:0c');
    assert.deepEqual([third.ips, third.mac], [['10.0.0.7'], '02:00:00:00:00:0c']);
    assert.throws(() => wishesOf({ runtimeConfig: { ips: ['10.0.0'] } }), { code: 7 });
    assert.throws(() => wishesOf({ runtimeConfig: { mac: 'x' } }), { code: 7 });
  });

  it('hears bandwidth in every spelling, and what CRI means by its largest burst', () => {
    const runtimeConfig = {
      bandwidth: { IngressRate: 8_000_000, IngressBurst: 4_294_967_295, egressRate: 1_000_000, egressBurst: 500_000 },
    };
    const { ingress, egress } = wishesOf({ runtimeConfig });
    assert.deepEqual(ingress, { maxKbps: 8_000, maxBurstKbps: null });
    assert.deepEqual(egress, { maxKbps: 1_000, maxBurstKbps: 500 });
    assert.equal(wishesOf({ runtimeConfig: { bandwidth: { ingressRate: 0 } } }).ingress, null);
  });

  it('hears ports of the host as podman, containerd, Mesos and Cloud Foundry spell them', () => {
    const mapping = { protocol: 'udp', hostPort: 8080, containerPort: 80, hostIp: null };
    for (const portMappings of [
      [{ hostPort: 8080, containerPort: 80, protocol: 'udp' }],
      [{ HostPort: 8080, ContainerPort: 80, Protocol: 'UDP', HostIP: '0.0.0.0' }],
      [
        { host_port: 8080, container_port: 80, protocol: 'udp' },
        { containerPort: 81, hostPort: 0 },
      ],
    ])
      assert.deepEqual(wishesOf({ runtimeConfig: { portMappings } }).portMappings, [mapping]);
    const info = { port_mappings: [{ host_port: 8080, container_port: 80, protocol: 'udp' }] };
    assert.deepEqual(wishesOf({ args: { 'org.apache.mesos': { network_info: info } } }).portMappings, [mapping]);
    const bound = { hostPort: 1, containerPort: 2, hostIP: 'FD00::1' };
    assert.equal(wishesOf({ runtimeConfig: { portMappings: [bound] } }).portMappings[0]?.hostIp, 'fd00::1');
    for (const wrong of [{ hostPort: 8080 }, { hostPort: 70_000, containerPort: 1 }, { ...bound, protocol: 'x' }])
      assert.throws(() => wishesOf({ runtimeConfig: { portMappings: [wrong] } }), { code: 7 });
  });

  it('labels ports by what Kubernetes, Multus, Mesos and Cloud Foundry say', () => {
    const kubernetes = wishesOf({}, 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_INFRA_CONTAINER_ID=x');
    assert.equal(kubernetes.name, 'web-1');
    assert.deepEqual(kubernetes.labels, { 'io.kubernetes.pod.namespace': 'shop', 'io.kubernetes.pod.name': 'web-1' });
    const labels = [
      { key: 'app', value: 'web' },
      { key: 'not a key', value: 'x' },
      { key: '__proto__', value: 'x' },
    ];
    assert.deepEqual(wishesOf({ args: { cni: { labels } } }).labels, { app: 'web' });
    const mesos = wishesOf({
      args: {
        'org.apache.mesos': { network_info: { name: 'task', labels: { labels: [{ key: 'app', value: 'db' }] } } },
      },
    });
    assert.deepEqual([mesos.name, mesos.labels], ['task', { app: 'db' }]);
    const foundry = wishesOf({ metadata: { app_id: 'a', space_id: 's', nested: {} } });
    assert.deepEqual(foundry.labels, { 'cloudfoundry.org/app_id': 'a', 'cloudfoundry.org/space_id': 's' });
  });

  it('reads the only traffic that a Cloud Foundry application may begin', () => {
    const netOutRules = [
      { protocol: 1, networks: [{ start: '10.0.0.1', end: '10.0.0.6' }], ports: [{ start: 80, end: 81 }] },
      { protocol: 3, networks: [{ start: 'fd00::1', end: 'fd00::1' }], icmps: { type: 128, code: 0 } },
      { protocol: 2, networks: [{ start: '10.0.0.9' }], ports: [{ start: 53, end: 53 }] },
      { protocol: 2, networks: [{ start: '10.0.0.9' }], ports: [{ start: 53, end: 53 }] },
    ];
    const { egressRules } = wishesOf({ runtimeConfig: { netOutRules } });
    const anyIcmp = { icmpType: null, icmpCode: null };
    assert.deepEqual(egressRules, [
      ...['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32'].map(remoteCidr => ({
        ethertype: 'ipv4',
        protocol: 'tcp',
        portMin: 80,
        portMax: 81,
        ...anyIcmp,
        remoteCidr,
      })),
      {
        ethertype: 'ipv6',
        protocol: 'icmpv6',
        portMin: null,
        portMax: null,
        icmpType: 128,
        icmpCode: 0,
        remoteCidr: 'fd00::1/128',
      },
      { ethertype: 'ipv4', protocol: 'udp', portMin: 53, portMax: 53, ...anyIcmp, remoteCidr: '10.0.0.9/32' },
    ]);
    assert.equal(wishesOf({}).egressRules, null);
    assert.deepEqual(wishesOf({ runtimeConfig: { netOutRules: [] } }).egressRules, []);
    assert.throws(() => wishesOf({ runtimeConfig: { netOutRules: [{ protocol: 9 }] } }), { code: 7 });
  });
});
