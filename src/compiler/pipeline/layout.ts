/**
 * Stages in their order, and the tables that they have. What must stay true is checked here, when the program starts:
 * packets enter at table 0, every stage has one table, a stage may only advance, and no stage reads a register that
 * nothing before it writes (a subroutine may be called from anywhere, so what it writes counts as written).
 */
import { isPacketField, type FieldName } from './registers.js';
import type { Pipeline, Stage } from './stage.js';

/** OpenFlow numbers tables in 8 bits, and Open vSwitch keeps the last one for itself. */
const maxTables = 254;

/** By the name of the stage. */
export type TableNumbers = Readonly<Record<string, number>>;

export interface Layout {
  readonly pipelines: readonly Pipeline[];
  /** Every stage, by table number. */
  readonly stages: readonly Stage[];
  /** Throws for a stage that is in no pipeline. */
  tableOf(this: void, stage: Stage): number;
  /** The stage after this one in its pipeline. Throws where there is none. */
  nextOf(this: void, stage: Stage): Stage;
}

/** Written by the step `drop`, which every stage may use. */
const alwaysWritten: readonly FieldName[] = ['dropReason'];

function firstWriterMissing(stages: readonly Stage[]): string | null {
  const lookups = stages.filter(s => s.kind !== 'stage');
  const written = new Set<FieldName>([...alwaysWritten, ...lookups.flatMap(s => s.writes)]);
  for (const stage of stages) {
    for (const field of stage.writes) written.add(field);
    for (const field of stage.reads) {
      if (!isPacketField(field) && !written.has(field)) {
        return `stage ${stage.name} reads ${field}, which nothing before it writes`;
      }
    }
  }
  return null;
}

/** The table of every stage. Throws where one has none, or one that another has, that is out of order, or that Open vSwitch lacks. */
function placeStages(pipelines: readonly Pipeline[], numbers: TableNumbers): ReadonlyMap<Stage, number> {
  const stages = pipelines.flatMap(p => p.stages);
  const names = new Set(stages.map(s => s.name));
  if (names.size !== stages.length) throw new Error('a stage occurs twice, or two stages have one name');
  const unused = Object.keys(numbers).find(name => !names.has(name));
  if (unused !== undefined) throw new Error(`there is no stage ${unused}`);
  const tables = new Map<Stage, number>();
  const taken = new Map<number, Stage>();
  for (const pipeline of pipelines) {
    let before = -1;
    for (const stage of pipeline.stages) {
      const table = numbers[stage.name];
      if (table === undefined) throw new Error(`stage ${stage.name} has no table`);
      const owner = taken.get(table);
      if (owner !== undefined) throw new Error(`stages ${owner.name} and ${stage.name} have one table`);
      if (table <= before) throw new Error(`the table of stage ${stage.name} is not behind those before it`);
      if (table >= maxTables) throw new Error(`there is no table ${table} for stage ${stage.name}`);
      taken.set(table, stage);
      tables.set(stage, table);
      before = table;
    }
  }
  return tables;
}

/** Puts the stages of the pipelines together. Throws when they do not fit. */
export function layOut(pipelines: readonly Pipeline[], numbers: TableNumbers): Layout {
  const tables = placeStages(pipelines, numbers);
  const stages = [...tables].toSorted(([, a], [, b]) => a - b).map(([stage]) => stage);
  const following = new Map<Stage, Stage>();
  for (const pipeline of pipelines) {
    const path = pipeline.stages.filter(s => s.kind === 'stage');
    for (const [i, stage] of path.entries()) {
      const next = path[i + 1];
      if (next !== undefined) following.set(stage, next);
    }
  }
  const tableOf = (stage: Stage): number => {
    const table = tables.get(stage);
    if (table === undefined) throw new Error(`stage ${stage.name} is in no pipeline`);
    return table;
  };
  const nextOf = (stage: Stage): Stage => {
    const next = following.get(stage);
    if (next === undefined) throw new Error(`stage ${stage.name} has no next stage`);
    return next;
  };

  const missing = firstWriterMissing(stages);
  if (missing !== null) throw new Error(missing);
  for (const stage of stages) {
    if (stage.onMiss === 'next') nextOf(stage);
    if (typeof stage.onMiss === 'object' && 'advance' in stage.onMiss) {
      if (tableOf(stage.onMiss.advance) <= tableOf(stage)) throw new Error(`stage ${stage.name} does not advance`);
    }
  }
  return { pipelines, stages, tableOf, nextOf };
}
