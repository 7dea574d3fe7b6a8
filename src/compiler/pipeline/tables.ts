/**
 * The table of every stage, for ever: flows of every fragment name tables, so a table that moves rewrites every hypervisor, and in between
 * packets meet flows of two builds. A new stage takes a number that is free where packets come by; that of a stage that is gone stays free
 * for a release. layout.ts refuses numbers that are taken twice or out of the order in which packets flow.
 */
import type { TableNumbers } from './layout.js';

export const tables = {
  phys_in: 0,

  ls_in_mirror: 10,
  ls_in_qos: 14,
  ls_in_check_port_sec: 18,
  ls_in_apply_port_sec: 22,
  ls_in_blame_port_sec: 24,
  ls_in_pre_lb: 30,
  ls_in_lb_track: 32,
  ls_in_lb: 34,
  ls_in_lb_select: 36,
  ls_in_lb_check: 38,
  ls_in_lb_resolve: 40,
  ls_in_lb_next_hop: 42,
  ls_in_lb_hairpin: 44,
  ls_in_lb_health: 45,
  ls_in_lb_done: 46,
  ls_in_pre_acl: 54,
  ls_in_pre_stateful: 56,
  ls_in_acl_eval: 58,
  ls_in_acl_action: 60,
  ls_in_acl_done: 62,
  ls_in_lookup_fdb: 70,
  ls_in_put_fdb: 72,
  ls_in_arp_rsp: 78,
  ls_in_gateway: 79,
  ls_in_arp_reply: 80,
  ls_in_nd_reply: 82,
  ls_in_l2_lkup: 90,
  ls_in_l2_unknown: 92,
  ls_in_l2_flood_unknown: 94,

  ls_out_delivery: 102,
  ls_out_pre_acl: 106,
  ls_out_pre_stateful: 108,
  ls_out_acl_eval: 110,
  ls_out_acl_action: 112,
  ls_out_acl_done: 114,
  ls_out_lb: 120,
  ls_out_lb_un_nat: 122,
  ls_out_qos: 126,
  ls_out_mirror: 128,
  ls_out_interface: 132,
  ls_out_gateway: 134,

  lr_in_ip_input: 140,
  lr_in_own_address: 150,
  lr_in_ip_routing: 158,
  lr_in_arp_resolve: 168,
  lr_in_gateway: 170,

  lr_out_delivery: 180,

  // Lookups lie behind who asks them: Open vSwitch counts jumps back.
  ls_port_security: 190,
  ls_neighbour: 192,
  ls_fdb: 194,
  ls_neighbour_check: 196,
  ls_fdb_learned: 198,
  ls_neighbour_learned: 200,
  ls_gateway_lately: 202,

  ls_acl_port: 204,
  ls_acl_group: 206,
  ls_acl_remote: 208,
  ls_acl_rules: 210,
  ls_acl_verdict: 212,

  ls_lb_domains: 216,
  ls_lb: 218,

  phys_out: 226,
  phys_send: 228,
  tunnel_mtu: 232,
  tunnel_flood: 234,
  tunnel_out: 236,
  tunnel_send: 238,
  tunnel_source: 242,
  drop: 246,
  drop_counters: 248,
  drop_reasons: 249,
  punt: 252,
} as const satisfies TableNumbers;
