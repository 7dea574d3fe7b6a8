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

const pipeline = (...stages: readonly Stage[]) => [{ name: 'test', purpose: '', stages }];
const writer = stage('writer', { purpose: '', reads: [], writes: ['outPort'], onMiss: 'next' });
const reader = stage('reader', { purpose: '', reads: ['outPort'], writes: [], onMiss: 'never' });

describe('The layout of the pipeline', () => {
  it('numbers stages by their order, and packets enter at the first', () => {
    const { tableOf, nextOf } = layOut(pipeline(writer, reader));
    assert.deepEqual([tableOf(writer), tableOf(reader)], [0, 1]);
    assert.equal(nextOf(writer), reader);
    assert.equal(layout.tableOf(physIn), 0);
  });

  it('throws when a stage reads what nothing before it writes', () => {
    assert.throws(() => layOut(pipeline(reader, writer)), /reader reads outPort, which nothing before it writes/);
    const answer = subroutine('answer', { purpose: '', reads: [], writes: ['outPort'] });
    assert.doesNotThrow(() => layOut(pipeline(reader, answer)));
  });

  it('throws when the order does not fit together', () => {
    const back = stage('back', { purpose: '', reads: [], writes: [], onMiss: { advance: writer } });
    const last = stage('last', { purpose: '', reads: [], writes: [], onMiss: 'next' });
    assert.throws(() => layOut(pipeline(writer, reader, back)), /back does not advance/);
    assert.throws(() => layOut(pipeline(last)), /last has no next stage/);
    assert.throws(() => layOut(pipeline(writer, writer, reader)), /twice/);
    assert.throws(() => layout.tableOf(writer), /in no pipeline/);
  });

  it('lets no flow go back by advancing, call what is no subroutine, or match what is not declared', () => {
    const match = {} as Record<string, never>;
    assert.throws(() => flow(lsInL2Lkup, { priority: 1, match, actions: [advance(lsInLookupFdb)] }), /cannot advance/);
    assert.throws(() => call(lsInL2Lkup), /no subroutine/);
    const undeclared = { origin: 1 } as unknown as Record<string, never>;
    assert.throws(() => flow(lsInL2Lkup, { priority: 1, match: undeclared, actions: [next] }), /does not read origin/);
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
