#!/bin/sh
# What udhcpc runs in a workload when it is told something: configures the device as it was told.
set -e
case "$1" in
  deconfig)
    ip -4 addr flush dev "$interface"
    ;;
  bound | renew)
    ip link set "$interface" mtu "$mtu"
    ip addr replace "$ip/$mask" dev "$interface"
    ip route replace default via "${router%% *}" dev "$interface" metric 100
    ;;
esac
