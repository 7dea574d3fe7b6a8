/** Builds, shows, changes and deletes everything that the OpenStack API has, with the command line client. Leaves nothing. */
import assert from 'node:assert/strict';
import { type OpenstackClient, type Row, textOf } from './openstack-client.js';

/** What the cloud is like for the script. */
export interface Cloud {
  /** A project that quotas and policies are about. */
  readonly project: string;
  /** Whether there is a Keystone that the client asks for names of projects. */
  readonly hasKeystone: boolean;
  /** A hypervisor; null: there is none. */
  readonly host: string | null;
}

export async function walkEveryKind(client: OpenstackClient, cloud: Cloud): Promise<void> {
  await networksAndSubnets(client);
  await pools(client);
  await ports(client, cloud);
  await securityGroups(client);
  await routers(client);
  await floatingIps(client);
  await trunks(client);
  await sharing(client, cloud);
  await looking(client, cloud);
  for (const line of [
    'network list',
    'subnet list',
    'port list',
    'router list',
    'floating ip list',
    'network trunk list',
    'subnet pool list',
    'address scope list',
    'address group list',
  ])
    assert.deepEqual(await client.many(line), [], `${line} is empty in the end`);
}

async function networksAndSubnets(client: OpenstackClient): Promise<void> {
  const network = await client.one('network create blue --description text --mtu 1400 --tag red');
  assert.deepEqual([network['name'], network['mtu'], network['tags']], ['blue', 1400, ['red']]);
  await client.done('network set blue --name green --disable-port-security --tag new --dns-domain example.org.');
  const shown = await client.one('network show green');
  assert.deepEqual(
    [shown['port_security_enabled'], shown['tags'], shown['dns_domain']],
    [false, ['new', 'red'], 'example.org.'],
  );
  assert.ok(Number(shown['revision_number']) > Number(network['revision_number']));
  await client.done('network unset green --tag red');
  assert.equal((await client.many('network list --tags new')).length, 1);
  const subnet = await client.one(
    'subnet create first --network green --subnet-range 10.0.0.0/24 --dns-nameserver 192.0.2.53 --allocation-pool start=10.0.0.10,end=10.0.0.99',
  );
  assert.deepEqual(
    [subnet['gateway_ip'], subnet['allocation_pools']],
    ['10.0.0.1', [{ start: '10.0.0.10', end: '10.0.0.99' }]],
  );
  await client.done('subnet set first --name renamed --no-dhcp --host-route destination=10.9.0.0/16,gateway=10.0.0.9');
  const after = await client.one('subnet show renamed');
  assert.deepEqual(
    [after['enable_dhcp'], after['host_routes']],
    [false, [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }]],
  );
  await client.done('subnet unset renamed --host-route destination=10.9.0.0/16,gateway=10.0.0.9');
  const six = await client.one(
    'subnet create six --network green --ip-version 6 --subnet-range 2001:db8::/64 --ipv6-ra-mode slaac --ipv6-address-mode slaac',
  );
  assert.equal(six['ipv6_address_mode'], 'slaac');
  assert.equal((await client.many('subnet list --network green')).length, 2);
  await client.fails('subnet create again --network green --subnet-range 10.0.0.128/25', /overlap/i);
  await client.fails('network show nothing', /No Network found|No ResourceNotFound|not found/i);
  await client.done('subnet delete renamed six');
  await client.done('network delete green');
  const vlan = await client.one(
    'network create vlan --provider-network-type vlan --provider-physical-network physnet1 --provider-segment 77',
  );
  assert.deepEqual(
    [vlan['provider:network_type'], vlan['provider:physical_network'], vlan['provider:segmentation_id']],
    ['vlan', 'physnet1', 77],
  );
  assert.equal((await client.many('network list --provider-network-type vlan')).length, 1);
  await client.done('network delete vlan');
}

async function pools(client: OpenstackClient): Promise<void> {
  const scope = await client.one('address scope create scope --ip-version 4');
  await client.done('address scope set scope --name renamed');
  assert.equal((await client.one('address scope show renamed'))['ip_version'], 4);
  const pool = await client.one(
    'subnet pool create pool --pool-prefix 10.128.0.0/16 --default-prefix-length 24 --address-scope renamed',
  );
  assert.equal(pool['address_scope_id'], scope['id']);
  await client.done('subnet pool set pool --default-prefix-length 26 --description text');
  assert.equal(Number((await client.one('subnet pool show pool'))['default_prefixlen']), 26);
  await client.done('network create pooled');
  const subnet = await client.one('subnet create from-pool --network pooled --subnet-pool pool');
  assert.equal(subnet['cidr'], '10.128.0.0/26');
  await client.fails('subnet pool delete pool', /allocations/);
  await client.done('network delete pooled');
  await client.done('subnet pool delete pool');
  await client.done('address scope delete renamed');
}

async function ports(client: OpenstackClient, { host }: Cloud): Promise<void> {
  await client.done('network create net --dns-domain example.org.');
  await client.done('subnet create sub --network net --subnet-range 10.1.0.0/24');
  const port = await client.one(
    'port create p --network net --fixed-ip subnet=sub,ip-address=10.1.0.50 --mac-address fa:16:3e:00:00:50 --allowed-address ip-address=10.1.0.200 --device-owner compute:test --device vm1 --extra-dhcp-option name=mtu,value=1400 --dns-name web1 --binding-profile a=b',
  );
  assert.deepEqual(
    [port['mac_address'], port['status'], port['device_owner'], port['dns_name'], port['binding_profile']],
    ['fa:16:3e:00:00:50', 'DOWN', 'compute:test', 'web1', { a: 'b' }],
  );
  assert.deepEqual(port['dns_assignment'], [{ ip_address: '10.1.0.50', hostname: 'web1', fqdn: 'web1.example.org.' }]);
  const [fixed] = port['fixed_ips'] as readonly { ip_address: string }[];
  assert.equal(fixed?.ip_address, '10.1.0.50');
  assert.equal((await client.many('port list --fixed-ip ip-address=10.1.0.50')).length, 1);
  assert.equal((await client.many('port list --device-owner compute:test --network net')).length, 1);
  await client.done('port set p --name q --description text --no-allowed-address --disable --no-binding-profile');
  await client.done(
    'port set q --no-security-group --disable-port-security --tag t --extra-dhcp-option name=ntp-server,value=192.0.2.9',
  );
  const after = await client.one('port show q');
  assert.deepEqual(
    [after['admin_state_up'], after['allowed_address_pairs'], after['port_security_enabled'], after['binding_profile']],
    [false, [], false, {}],
  );
  assert.equal((after['extra_dhcp_opts'] as readonly unknown[]).length, 2);
  await client.done('port set q --fixed-ip subnet=sub,ip-address=10.1.0.51');
  await client.done('port unset q --fixed-ip subnet=sub,ip-address=10.1.0.50 --tag t');
  assert.deepEqual(
    ((await client.one('port show q'))['fixed_ips'] as readonly { ip_address: string }[]).map(each => each.ip_address),
    ['10.1.0.51'],
  );
  if (host !== null) {
    await client.done(`port set q --host ${host}`);
    const bound = await client.one('port show q');
    assert.deepEqual([bound['binding_host_id'], bound['binding_vif_type']], [host, 'ovs']);
  }
  await client.fails('port create r --network net --fixed-ip ip-address=10.1.0.51', /already|in use/i);
  await client.fails('network delete net', /in use/);
  await client.done('port delete q');
  await client.done('network delete net');
}

async function securityGroups(client: OpenstackClient): Promise<void> {
  const group = await client.one('security group create web --description text');
  assert.equal((group['rules'] as readonly unknown[]).length, 2);
  const rule = await client.one(
    'security group rule create web --protocol tcp --dst-port 80:90 --remote-ip 192.0.2.0/24',
  );
  assert.deepEqual([rule['port_range_min'], rule['port_range_max'], rule['direction']], [80, 90, 'ingress']);
  await client.done('security group rule create web --protocol icmp --icmp-type 8 --egress');
  assert.equal((await client.many('security group rule list web')).length, 4);
  assert.equal((await client.one('security group rule show', textOf(rule, 'id')))['protocol'], 'tcp');
  await client.done('security group set web --name www --description other --tag t');
  const changed = await client.one('security group show www');
  assert.deepEqual([changed['description'], changed['tags']], ['other', ['t']]);
  await client.done('security group unset www --tag t');
  await client.done('security group rule delete', textOf(rule, 'id'));
  assert.ok((await client.many('security group list')).some(each => each['Name'] === 'default'));
  const addresses = await client.one('address group create office --address 192.0.2.1 --address 198.51.100.0/24');
  assert.equal((addresses['addresses'] as readonly unknown[]).length, 2);
  await client.done('address group set office --address 203.0.113.0/24 --description text');
  await client.done('address group unset office --address 192.0.2.1');
  assert.deepEqual((await client.one('address group show office'))['addresses'], ['198.51.100.0/24', '203.0.113.0/24']);
  await client.done('security group rule create www --remote-address-group office --protocol udp');
  await client.done('security group delete www');
  await client.done('address group delete office');
}

interface Gateway {
  readonly network_id: string;
  readonly enable_snat: boolean;
  readonly external_fixed_ips: readonly { readonly ip_address: string }[];
}

const gatewayOf = (router: Row): Gateway => router['external_gateway_info'] as Gateway;

async function routers(client: OpenstackClient): Promise<void> {
  await client.done('network create inside');
  await client.done('subnet create insub --network inside --subnet-range 10.2.0.0/24');
  const outside = await client.one(
    'network create outside --external --provider-network-type flat --provider-physical-network physnet1',
  );
  assert.equal(outside['router:external'], true);
  await client.done('subnet create outsub --network outside --subnet-range 203.0.113.0/24 --no-dhcp');
  await client.done('router create r --description text');
  await client.done('router add subnet r insub');
  await client.done('router set r --external-gateway outside --route destination=10.77.0.0/16,gateway=10.2.0.9');
  const shown = await client.one('router show r');
  const gateway = gatewayOf(shown);
  assert.deepEqual(
    [gateway.network_id, gateway.external_fixed_ips.length, gateway.enable_snat],
    [outside['id'], 1, true],
  );
  assert.deepEqual(shown['routes'], [{ destination: '10.77.0.0/16', nexthop: '10.2.0.9' }]);
  await client.done('router add route r --route destination=10.78.0.0/16,gateway=10.2.0.9');
  await client.done('router remove route r --route destination=10.78.0.0/16,gateway=10.2.0.9');
  assert.equal((await client.many('port list --router r')).length, 2);
  await client.fails('router delete r', /still has ports/);
  await client.done('router set r --external-gateway outside --disable-snat');
  assert.equal(gatewayOf(await client.one('router show r')).enable_snat, false);
  await client.done('router set r --external-gateway outside --fixed-ip subnet=outsub,ip-address=203.0.113.40');
  assert.deepEqual(
    gatewayOf(await client.one('router show r')).external_fixed_ips.map(each => each.ip_address),
    ['203.0.113.40'],
  );
  await client.done('router unset r --route destination=10.77.0.0/16,gateway=10.2.0.9 --external-gateway');
  await client.done('router remove subnet r insub');
  await client.done('port create leg --network inside --fixed-ip subnet=insub');
  await client.done('router add port r leg');
  await client.done('router remove port r leg');
  await client.done('router set r --disable --name renamed');
  await client.done('router delete renamed');
  await client.done('network delete inside outside');
}

async function floatingIps(client: OpenstackClient): Promise<void> {
  await client.done('network create inside');
  await client.done('subnet create insub --network inside --subnet-range 10.3.0.0/24');
  await client.done(
    'network create outside --external --provider-network-type flat --provider-physical-network physnet1',
  );
  await client.done('subnet create outsub --network outside --subnet-range 203.0.113.0/24 --no-dhcp');
  await client.done('router create r --external-gateway outside');
  await client.done('router add subnet r insub');
  await client.done('port create vm --network inside --fixed-ip ip-address=10.3.0.7 --fixed-ip ip-address=10.3.0.8');
  const made = await client.one(
    'floating ip create outside --floating-ip-address 203.0.113.77 --description text --tag t',
  );
  assert.deepEqual(
    [made['floating_ip_address'], made['status'], made['fixed_ip_address'], made['tags']],
    ['203.0.113.77', 'DOWN', null, ['t']],
  );
  await client.done('floating ip set --port vm --fixed-ip-address 10.3.0.8 203.0.113.77');
  const given = await client.one('floating ip show 203.0.113.77');
  assert.deepEqual([given['status'], given['fixed_ip_address']], ['ACTIVE', '10.3.0.8']);
  assert.equal((await client.many('floating ip list --port vm')).length, 1);
  assert.equal((await client.many('floating ip list --status ACTIVE --router r --long')).length, 1);
  await client.fails('router remove subnet r insub', /required by one or more floating IPs/);
  await client.done('floating ip unset --port --tag t 203.0.113.77');
  const free = await client.one('floating ip show', textOf(made, 'id'));
  assert.deepEqual([free['status'], free['port_id'], free['tags']], ['DOWN', null, []]);
  await client.done('floating ip delete 203.0.113.77');
  await client.done('port delete vm');
  await client.done('router remove subnet r insub');
  await client.done('router delete r');
  await client.done('network delete inside outside');
}

async function trunks(client: OpenstackClient): Promise<void> {
  for (const name of ['nodes', 'pods']) await client.done(`network create ${name}`);
  await client.done('port create vm --network nodes');
  for (const name of ['pod1', 'pod2']) await client.done(`port create ${name} --network pods`);
  const trunk = await client.one(
    'network trunk create trunk --parent-port vm --description text --subport port=pod1,segmentation-type=vlan,segmentation-id=101',
  );
  const details = (await client.one('port show vm'))['trunk_details'] as Row;
  assert.equal(details['trunk_id'], trunk['id']);
  await client.done(
    'network trunk set trunk --name renamed --subport port=pod2,segmentation-type=vlan,segmentation-id=102',
  );
  const behind = await client.many('network subport list --trunk renamed');
  assert.deepEqual(new Set(behind.map(each => each['Segmentation ID'])), new Set([101, 102]));
  await client.fails('port delete pod1', /currently a subport for trunk|1 of 1 ports failed to delete/);
  await client.done('network trunk unset renamed --subport pod1');
  const shown = await client.one('network trunk show renamed');
  assert.deepEqual([shown['description'], (shown['sub_ports'] as readonly Row[]).length], ['text', 1]);
  assert.equal((await client.many('network trunk list --long')).length, 1);
  await client.done('network trunk delete renamed');
  await client.done('port delete vm pod1 pod2');
  await client.done('network delete nodes pods');
}

async function sharing(client: OpenstackClient, { project, hasKeystone }: Cloud): Promise<void> {
  await client.done('network create shared');
  // Both commands ask Keystone for the name of the project.
  if (hasKeystone) {
    const policy = await client.one(
      `network rbac create --type network --action access_as_shared --target-project ${project} shared`,
    );
    assert.equal((await client.many('network rbac list')).length, 1);
    assert.equal((await client.one('network rbac show', textOf(policy, 'id')))['target_project_id'], project);
    await client.done('network rbac delete', textOf(policy, 'id'));
    await client.done(`quota set --networks 7 ${project}`);
    const [quota] = (await client.many(`quota list --network --project ${project}`)) as readonly Row[];
    assert.equal(quota?.['Networks'], 7);
  }
  await client.done('network set shared --share');
  assert.equal((await client.one('network show shared'))['shared'], true);
  await client.done('network delete shared');
}

async function looking(client: OpenstackClient, { host }: Cloud): Promise<void> {
  assert.ok((await client.many('extension list --network')).some(each => each['Alias'] === 'security-group'));
  assert.equal((await client.one('extension show dns-integration'))['alias'], 'dns-integration');
  const agents = await client.many('network agent list');
  assert.deepEqual(
    agents.map(each => each['Host']),
    host === null ? [] : [host],
  );
  for (const agent of agents) {
    const shown = await client.one('network agent show', textOf(agent, 'ID'));
    assert.deepEqual([shown['binary'], shown['alive']], ['ovs-vswitchd', true]);
    await client.done('network agent set --disable', textOf(agent, 'ID'));
    assert.equal((await client.one('network agent show', textOf(agent, 'ID')))['admin_state_up'], false);
    await client.done('network agent set --enable', textOf(agent, 'ID'));
  }
  assert.ok((await client.many('availability zone list --network')).length > 0);
  await client.done('network create counted');
  await client.done('subnet create counted --network counted --subnet-range 10.3.0.0/24');
  const left = await client.one('ip availability show counted');
  assert.equal(left['total_ips'], 254);
  assert.ok((await client.many('ip availability list')).length > 0);
  await client.done('network delete counted');
}
