#!/bin/sh
# First process of a guest: makes the hypervisor from what the kernel's command line says, and ends when the machine does.
#   weft.name=hv1 weft.underlay=ADDRESS/LENGTH weft.management=ADDRESS/LENGTH weft.mtu=BYTES
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null

while read -r module; do insmod "$module" || echo "init: insmod $module failed"; done </modules.list

# One shell for each channel of the host (channel.sh): commands can be given from now on, whatever happens below.
for port in /dev/vport*; do /channel.sh "$port" & done

for word in $(cat /proc/cmdline); do
  case $word in
    weft.name=*) hostname "${word#*=}" ;;
    weft.underlay=*) underlay=${word#*=} ;;
    weft.management=*) management=${word#*=} ;;
    weft.mtu=*) mtu=${word#*=} ;;
  esac
done
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
# A probe's answers may wait until an emulated processor comes to them.
echo 4194304 >/proc/sys/net/core/rmem_default
ip link set lo up
ip link set eth0 mtu "$mtu" up
ip address add "$underlay" dev eth0
ip link set eth1 up
ip address add "$management" dev eth1

ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server --detach --no-chdir --pidfile --log-file -vconsole:off -vsyslog:off \
  --remote=punix:/var/run/openvswitch/db.sock --remote=db:Open_vSwitch,Open_vSwitch,manager_options
ovs-vsctl --no-wait init
# Open vSwitch 3.1 started in the first 10 s after boot takes 0 handler threads and loses every upcall.
while [ "$(cut -d . -f 1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
/start-switch.sh
touch /run/ready
while :; do sleep 3600; done
