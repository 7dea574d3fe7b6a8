/**
 * Conntrack zones of one switch: no two ports have one at once, and who comes to one that was used before finds no connections there.
 * Connections outlive the tables: a zone that nobody names any more is still full until it is emptied.
 */
import { decodeCookie } from '../../src/compiler/identifiers.js';
import { bitsOf } from '../../src/compiler/pipeline/registers.js';
import { tables as tableNumbers } from '../../src/compiler/pipeline/tables.js';
import { switchingInterface } from '../../src/compiler/switching/interface.js';
import { balancedZoneOf } from '../../src/model/port-binding.js';
import type { OxmField } from '../../southbound/openflow/oxm.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import type { HeldFlow, SwitchTables } from '../fakes/switch-tables.js';
import type { Tables } from './simulated-store.js';

interface Zone {
  /** Cookie of the fragment that has it now, or had it last. */
  owner: bigint;
  isInUse: boolean;
  /** It was emptied since it was given to its owner; or, if it was given up, since then. */
  isEmptied: boolean;
}

export class ZoneWatch {
  /** How often one was given to somebody who was not the first to have it. */
  reuses = 0;
  readonly #zones = new Map<number, Zone>();
  /** By cookie. */
  readonly #zonesOf = new Map<bigint, ReadonlySet<number>>();

  /** The switch was told to empty it. */
  emptied(zone: number): void {
    const held = this.#zones.get(zone);
    if (held !== undefined) held.isEmptied = true;
  }

  /**
   * Looks at what the last change of the tables touched; says what is wrong, null if nothing. What is left of a port that is bound no
   * more may go later than another gets its zone, as nothing comes from its interface.
   */
  check(tables: SwitchTables, rows: Tables, hypervisorId: string | null): string | null {
    const arriving: [bigint, number][] = [];
    const leaving: Zone[] = [];
    for (const cookie of tables.touched.cookies) {
      const owner = decodeCookie(cookie);
      if (owner.kind !== 'fragment' || owner.ruleNumber !== switchingInterface.number) continue;
      const [before, now] = [this.#zonesOf.get(cookie) ?? none, zonesIn(tables.flowsWith(cookie))];
      this.#zonesOf.set(cookie, now);
      for (const number of before) {
        const zone = this.#zones.get(number);
        if (!now.has(number) && zone?.owner === cookie) leaving.push(zone);
      }
      for (const number of now) if (!before.has(number)) arriving.push([cookie, number]);
    }
    for (const zone of leaving) zone.isInUse = false;
    let problem: string | null = null;
    // What the same change takes from one and gives to another was emptied ahead of it: nothing can be done between.
    for (const [cookie, zone] of arriving)
      problem ??= this.#give(zone, cookie, other => isBound(rows, hypervisorId, other, zone));
    for (const zone of leaving) if (!zone.isInUse) zone.isEmptied = false;
    return problem;
  }

  #give(number: number, owner: bigint, has: (owner: bigint) => boolean): string | null {
    const held = this.#zones.get(number);
    this.#zones.set(number, { owner, isInUse: true, isEmptied: false });
    if (held === undefined) return null;
    if (held.owner !== owner) this.reuses += 1;
    const name = `zone ${number}, given to ${owner.toString(16)},`;
    if (held.isInUse && has(held.owner)) return `${name} is that of ${held.owner.toString(16)}`;
    return held.isEmptied ? null : `${name} was not emptied since ${held.owner.toString(16)} had it`;
  }
}

/** Whether the port of a fragment is bound there and has the zone. */
function isBound(rows: Tables, hypervisorId: string | null, cookie: bigint, zone: number): boolean {
  const owner = decodeCookie(cookie);
  return [...rows['port-bindings'].values()].some(
    row =>
      row.hypervisorId === hypervisorId &&
      (row.ctZone === zone || balancedZoneOf(row.ctZone) === zone) &&
      owner.kind === 'fragment' &&
      rows['logical-switch-ports'].get(row.logicalSwitchPortId)?.number === owner.objectNumber,
  );
}

const none: ReadonlySet<number> = new Set();
const [zonePlace, guardedPlace, balancedPlace] = [bitsOf('ctZone'), bitsOf('guarded'), bitsOf('balanced')];

/** That of a port with security groups, and that of one with load balancers: the same number, which is no zone by itself. */
function zonesIn(flows: Iterable<HeldFlow>): ReadonlySet<number> {
  let [zone, isGuarded, isBalanced] = [0n, false, false];
  for (const { stats } of flows) {
    const set = stats.instructions.flatMap(registersSet);
    const matched = valueOf(zonePlace, stats.match);
    zone = zone || matched || valueOf(zonePlace, set);
    isGuarded ||=
      valueOf(guardedPlace, set) !== 0n || (matched !== 0n && stats.tableId === tableNumbers.ls_out_acl_done);
    isBalanced ||=
      valueOf(balancedPlace, set) !== 0n || (matched !== 0n && stats.tableId === tableNumbers.ls_out_interface);
  }
  const number = Number(zone);
  return new Set([...(isGuarded ? [number] : []), ...(isBalanced ? [balancedZoneOf(number)] : [])]);
}

/** The number in these bits; 0 where nothing is said of them. */
function valueOf(
  place: ReturnType<typeof bitsOf>,
  parts: Iterable<{ readonly field: OxmField; readonly value: bigint; readonly mask?: bigint | undefined }>,
): bigint {
  for (const { field, value, mask } of parts) {
    const bits = field === place.field ? (value & (mask ?? field.allBits) & place.mask) >> place.shift : 0n;
    if (bits !== 0n) return bits;
  }
  return 0n;
}

function registersSet(instruction: FlowStats['instructions'][number]) {
  if (instruction.kind !== 'applyActions') return [];
  return instruction.actions.filter(action => action.kind === 'setField');
}
