/** Who says what was changed on the switches: the switches. */
import { differences, readSwitchState } from '../lab/switch-state.js';
import { settled } from './controller.js';
import { FlowWatch } from './flow-watch.js';
import type { LightStand } from './light-stand.js';
import type { Stand } from './stand.js';

export interface Testimony {
  /** Flows added, changed or removed, as the switches tell; the sentinel's left out. */
  readonly flow_changes: number;
  /** Lines of the flow and group tables that differ from before; null where tables were not read. */
  readonly differences: number | null;
}

/** Begins to watch; the returned function ends it and tells. */
export type Witness = () => Promise<() => Promise<Testimony>>;

export const witnessOf =
  (stand: Stand): Witness =>
  async () => {
    const before = await stand.onEachHost(readSwitchState);
    const watch = await FlowWatch.start(stand);
    await settled(stand);
    return async () => {
      const { flows } = await watch.stop();
      const after = await stand.onEachHost(readSwitchState);
      const different = before.map((state, host) => {
        const now = after[host];
        return now === undefined ? 1 : differences(state, now).length;
      });
      return { flow_changes: flows, differences: different.reduce((sum, count) => sum + count, 0) };
    };
  };

export const lightWitnessOf =
  (stand: LightStand): Witness =>
  async () => {
    const before = await stand.count();
    return async () => ({ flow_changes: (await stand.count()).flowMods - before.flowMods, differences: null });
  };
