#!/bin/sh
# Starts ovs-vswitchd with the kernel's datapath.
exec ovs-vswitchd --detach --no-chdir --pidfile --log-file -vconsole:off -vsyslog:off
