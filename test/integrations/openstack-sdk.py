"""openstacksdk as Kuryr and others use it: pages, bulk creation with tags, updates by revision. Ends with 0, or says what is wrong."""
import sys

import openstack

connection = openstack.connect(load_yaml_config=False, load_envvars=False, auth_type='none', auth={'endpoint': sys.argv[1]})
network = connection.network.create_network(name='sdk', description='tag1,tag2')
subnet = connection.network.create_subnet(network_id=network.id, ip_version=4, cidr='10.4.0.0/24', enable_dhcp=False)
connection.network.set_tags(network, ['a', 'b'])
ports = list(
    connection.network.create_ports(
        [{'network_id': network.id, 'fixed_ips': [{'subnet_id': subnet.id}], 'device_owner': 'compute:kuryr', 'tags': ['pool']} for _ in range(7)]
    )
)
assert len(ports) == 7, ports
assert connection.network.find_extension('tag-ports-during-bulk-creation') is not None
assert connection.network.find_extension('no-such-extension') is None
pages = list(connection.network.ports(limit=3, network_id=network.id, tags='pool'))
assert sorted(port.id for port in pages) == sorted(port.id for port in ports), pages
assert list(connection.network.networks(tags=['a', 'b']))[0].id == network.id
updated = connection.network.update_port(ports[0], if_revision=ports[0].revision_number, name='first', device_id='pod')
assert (updated.name, updated.device_id) == ('first', 'pod')
try:
    connection.network.update_port(ports[0].id, if_revision=1, name='second')
    raise AssertionError('an old revision was accepted')
except openstack.exceptions.PreconditionFailedException:
    pass
try:
    connection.network.delete_network(network, ignore_missing=False)
    raise AssertionError('a network with ports was deleted')
except openstack.exceptions.ConflictException as conflict:
    assert 'ports still in use' in str(conflict), conflict
router = connection.network.create_router(name='sdk')
connection.network.add_interface_to_router(router, subnet_id=subnet.id)
gone = connection.network.remove_interface_from_router(router, subnet_id=subnet.id)
assert gone['subnet_id'] == subnet.id, gone
try:
    connection.network.remove_interface_from_router(router, subnet_id=subnet.id)
    raise AssertionError('an interface was removed twice')
except openstack.exceptions.ResourceNotFound as missing:
    assert missing.response.json()['NeutronError']['type'] == 'RouterInterfaceNotFoundForSubnet', missing
group = connection.network.create_security_group(name='sdk')
rule = {'security_group_id': group.id, 'direction': 'ingress', 'protocol': 'tcp', 'port_range_min': 1, 'port_range_max': 2}
first = connection.network.create_security_group_rule(**rule)
try:
    connection.network.create_security_group_rule(**rule)
    raise AssertionError('the same rule was accepted twice')
except openstack.exceptions.ConflictException as conflict:
    assert conflict.details.rstrip('.').split()[-1] == first.id, conflict.details
connection.network.delete_security_group(group)
outside = connection.network.create_network(
    name='sdk-outside', is_router_external=True, provider_network_type='flat', provider_physical_network='physnet1'
)
connection.network.create_subnet(network_id=outside.id, ip_version=4, cidr='203.0.113.0/24', is_dhcp_enabled=False)
router = connection.network.update_router(router, external_gateway_info={'network_id': outside.id})
connection.network.add_interface_to_router(router, subnet_id=subnet.id)
floating = connection.network.create_ip(floating_network_id=outside.id, port_id=ports[1].id)
assert (floating.status, floating.fixed_ip_address) == ('ACTIVE', ports[1].fixed_ips[0]['ip_address']), floating
assert floating.port_details['device_owner'] == 'compute:kuryr', floating
assert [each.id for each in connection.network.ips(port_id=ports[1].id)] == [floating.id]
assert connection.network.update_ip(floating, port_id=None).status == 'DOWN'
connection.network.delete_ip(floating, ignore_missing=False)
connection.network.remove_interface_from_router(router, subnet_id=subnet.id)
connection.network.delete_router(router)
connection.network.delete_network(outside, ignore_missing=False)
trunk = connection.network.create_trunk(name='sdk', port_id=ports[0].id)
connection.network.add_trunk_subports(
    trunk, [{'port_id': ports[2].id, 'segmentation_type': 'vlan', 'segmentation_id': 9}]
)
assert connection.network.get_port(ports[0]).trunk_details['trunk_id'] == trunk.id
assert connection.network.get_trunk_subports(trunk)['sub_ports'][0]['port_id'] == ports[2].id
connection.network.delete_trunk_subports(trunk, [{'port_id': ports[2].id}])
connection.network.delete_trunk(trunk, ignore_missing=False)
# What the command line client asks Keystone for: projects by their ids.
policy = connection.network.create_rbac_policy(
    object_type='network', object_id=network.id, action='access_as_shared', target_project_id='guest'
)
assert [each.id for each in connection.network.rbac_policies(object_id=network.id)] == [policy.id]
connection.network.delete_rbac_policy(policy, ignore_missing=False)
connection.network.update_quota('guest', networks=7)
assert connection.network.get_quota('guest').networks == 7
assert connection.network.get_quota('guest', details=True).networks['limit'] == 7
connection.network.delete_quota('guest', ignore_missing=False)
for port in ports:
    connection.network.delete_port(port, ignore_missing=False)
connection.network.delete_network(network, ignore_missing=False)
assert connection.network.get_port is not None and list(connection.network.ports(network_id=network.id)) == []
print('openstacksdk', openstack.version.__version__, 'is content')
