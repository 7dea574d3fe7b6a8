import assert from 'node:assert/strict';
import fc from 'fast-check';
import { advance, call, next, set } from '../../../src/compiler/pipeline/actions.js';
import { dropReasonByCode, dropReasons } from '../../../src/compiler/pipeline/drop-reasons.js';
import { flow } from '../../../src/compiler/pipeline/flow.js';
import { layOut } from '../../../src/compiler/pipeline/layout.js';
import { physIn } from '../../../src/compiler/pipeline/physical.js';
import { layout } from '../../../src/compiler/pipeline/pipelines.js';
import { placeRegisters, registers } from '../../../src/compiler/pipeline/registers.js';
import { stage, subroutine, type Stage } from '../../../src/compiler/pipeline/stage.js';
import { lsInArpRsp, lsInL2Lkup, lsInLookupFdb } from '../../../src/compiler/pipeline/switch-ingress.js';
import { formatFlow } from '../../../southbound/openflow/text.js';

/** A pipeline of these stages, in the tables from 0 on. */
const layOutInOrder = (...stages: readonly Stage[]) =>
  layOut([{ name: 'test', purpose: '', stages }], Object.fromEntries(stages.map(({ name }, table) => [name, table])));
const writer = stage('writer', { purpose: '', reads: [], writes: ['outPort'], onMiss: 'next' });
const reader = stage('reader', { purpose: '', reads: ['outPort'], writes: [], onMiss: 'never' });

/** Lines are added and never changed (tables.ts). */
const tablesForEver = {
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
  lr_in_un_nat: 136,
  lr_in_dnat: 138,
  lr_in_ip_input: 140,
  lr_in_own_address: 150,
  lr_in_policy: 154,
  lr_in_ip_routing: 158,
  lr_in_arp_resolve: 168,
  lr_in_gateway: 170,
  lr_out_un_dnat: 174,
  lr_out_snat: 176,
  lr_out_delivery: 180,
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
};

describe('The layout of the pipeline', () => {
  it('has the tables in the order of the stages, and packets enter at the first', () => {
    const { tableOf, nextOf } = layOutInOrder(writer, reader);
    assert.deepEqual([tableOf(writer), tableOf(reader)], [0, 1]);
    assert.equal(nextOf(writer), reader);
    assert.equal(layout.tableOf(physIn), 0);
  });

  it('throws when a stage reads what nothing before it writes', () => {
    assert.throws(() => layOutInOrder(reader, writer), /reader reads outPort, which nothing before it writes/);
    const answer = subroutine('answer', { purpose: '', reads: [], writes: ['outPort'] });
    assert.doesNotThrow(() => layOutInOrder(reader, answer));
  });

  it('throws when the order does not fit together', () => {
    const back = stage('back', { purpose: '', reads: [], writes: [], onMiss: { advance: writer } });
    const last = stage('last', { purpose: '', reads: [], writes: [], onMiss: 'next' });
    assert.throws(() => layOutInOrder(writer, reader, back), /back does not advance/);
    assert.throws(() => layOutInOrder(last), /last has no next stage/);
    assert.throws(() => layOutInOrder(writer, writer, reader), /twice/);
    assert.throws(() => layout.tableOf(writer), /in no pipeline/);
  });

  it('throws when a table is missing, taken, out of order, or not there', () => {
    const two = [{ name: 'test', purpose: '', stages: [writer, reader] }];
    assert.throws(() => layOut(two, { writer: 0 }), /reader has no table/);
    assert.throws(() => layOut(two, { writer: 0, reader: 0 }), /writer and reader have one table/);
    assert.throws(() => layOut(two, { writer: 1, reader: 0 }), /reader is not behind/);
    assert.throws(() => layOut(two, { writer: 0, reader: 254 }), /no table 254/);
    assert.throws(() => layOut(two, { writer: 0, reader: 1, gone: 2 }), /no stage gone/);
  });

  it('has every table where it was in every build before: whoever upgrades rewrites no flow for what is new', () => {
    assert.deepEqual(Object.fromEntries(layout.stages.map(each => [each.name, layout.tableOf(each)])), tablesForEver);
  });

  it('lets no flow go back by advancing, call what is no subroutine, or match what is not declared', () => {
    const match = {} as Record<string, never>;
    assert.throws(() => flow(lsInL2Lkup, { priority: 1, match, actions: [advance(lsInLookupFdb)] }), /cannot advance/);
    assert.throws(() => call(lsInL2Lkup), /no subroutine/);
    const undeclared = { ctZone: 1 } as unknown as Record<string, never>;
    assert.throws(() => flow(lsInL2Lkup, { priority: 1, match: undeclared, actions: [next] }), /does not read ctZone/);
    assert.throws(() => set({ outPort: 0x10000 }), RangeError);
    assert.throws(() => flow(lsInArpRsp, { priority: 1, match: { fromUnderlay: 2 }, actions: [next] }));
  });

  it('adds what OpenFlow wants matched before a field', () => {
    const arp = stage('arp', { purpose: '', reads: ['ndSll', 'outPort', 'inPort'], writes: [], onMiss: 'never' });
    assert.throws(() => flow(arp, { priority: 1, match: {}, actions: [] }), /in no pipeline/);
    const text = formatFlow(flow(lsInArpRsp, { priority: 7, match: { fromUnderlay: 1 }, actions: [next] }));
    assert.match(text, /priority=7,reg\d+=0x[0-9a-f]+\/0x[0-9a-f]+ actions=resubmit\(,\d+\)$/);
  });
});

/** Field, first bit and width. Lines are added and never changed: a register that moves rewrites every hypervisor (registers.ts). */
const placesForEver = {
  datapath: 'metadata 0 64',
  origin: 'reg6 0 32',
  inPort: 'reg4 16 16',
  outPort: 'reg12 0 16',
  inHost: 'reg12 16 16',
  outHost: 'reg13 0 16',
  mac: 'xreg2 0 48',
  address4: 'reg7 0 32',
  address6: 'xxreg0 0 128',
  claim: 'reg9 29 2',
  euiSubnet: 'reg8 0 32',
  secured: 'reg9 31 1',
  learns: 'reg10 31 1',
  permitted: 'reg11 31 1',
  sourcePermitted: 'reg14 30 1',
  ownsAddress: 'reg14 31 1',
  resolved: 'reg15 0 1',
  targetIsRouter: 'reg15 1 1',
  advertisement: 'reg10 29 2',
  fromUnderlay: 'reg15 2 1',
  flood: 'reg11 29 2',
  ctZone: 'reg13 16 16',
  guarded: 'reg15 3 1',
  tracks: 'reg15 4 1',
  stateless: 'reg15 5 1',
  ruleKind: 'reg14 24 2',
  isolates: 'reg14 26 2',
  aclGroup: 'reg9 0 29',
  aclRemote: 'reg10 0 29',
  aclRule: 'reg11 0 29',
  verdict: 'reg14 28 2',
  underlayPort: 'reg14 0 16',
  tooBig: 'reg15 6 1',
  dropReason: 'reg14 16 8',
  puntClass: 'reg15 13 5',
  puntLane: 'reg15 7 6',
  balanced: 'reg15 20 1',
  balancerQuestion: 'reg15 18 2',
  balancer: 'reg10 0 29',
};

describe('Register bits', () => {
  it('never overlap, whatever is declared', () => {
    const widths = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(widths, bits => {
        const declared = Object.fromEntries(bits.map((width, i) => [`f${i}`, { bits: width, purpose: '' }]));
        let places: ReturnType<typeof placeRegisters>;
        try {
          places = placeRegisters(declared);
        } catch {
          return bits.reduce((sum, width) => sum + width, 0) > 512 - 128;
        }
        const taken = new Set<string>();
        for (const { field, offset, bits: width } of places.values()) {
          const parts = /^(?<wide>x*)reg(?<index>\d+)$/.exec(field.name)?.groups;
          const start = Number(parts?.['index']) * field.bits;
          for (let bit = offset; bit < offset + width; bit += 1) {
            // Bits of the register file, the most significant of reg0 first.
            const place = `${start + field.bits - 1 - bit}`;
            if (taken.has(place)) return false;
            taken.add(place);
          }
        }
        return places.size === bits.length;
      }),
    );
  });

  it('are where they were in every build before: whoever upgrades changes few flows', () => {
    const places = [...registers].map(([name, { place }]) => [
      name,
      `${place.field.name} ${place.offset} ${place.bits}`,
    ]);
    assert.deepEqual(Object.fromEntries(places), placesForEver);
  });

  it('are of those that were declared before first', () => {
    const old = { a: { bits: 16, purpose: '' }, b: { bits: 1, purpose: '' } };
    const before = placeRegisters(old);
    const after = placeRegisters({ wide: { bits: 4, since: 2, purpose: '' }, ...old });
    for (const [name, place] of before) assert.deepEqual(after.get(name), place);
  });

  it('are refused when there are too many', () => {
    const declared = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`f${i}`, { bits: 128, purpose: '' }]));
    assert.throws(() => placeRegisters(declared), /no 128 bits left/);
  });

  it('lie where actions can reach them at once', () => {
    for (const { place } of registers.values()) assert.ok(place.offset + place.bits <= place.field.bits);
  });
});

describe('Reasons of drops', () => {
  it('have codes of 1 to 255, each once', () => {
    const codes = Object.values(dropReasons).map(({ code }) => code);
    assert.equal(new Set(codes).size, codes.length);
    for (const code of codes) assert.ok(Number.isInteger(code) && code >= 1 && code <= 255);
    for (const [name, { code }] of Object.entries(dropReasons)) assert.equal(dropReasonByCode(code), name);
    assert.equal(dropReasonByCode(255), undefined);
  });
});
