/** What would be wrong with the program: the simulation has to see each within some seeds. */
import type { Delta } from '../../src/compiler/compiler.js';
import type { Controller } from '../../src/controller.js';
import type { EncodedFragment } from '../../src/delivery/encoded-fragment.js';

/** Has the compiler give out something else than it has made. */
function spoil(
  compiler: Controller['compiler'],
  spoilt: (delta: Delta<EncodedFragment>) => Delta<EncodedFragment>,
): void {
  const updating = compiler.updating.bind(compiler);
  compiler.updating = function* (touched) {
    return spoilt(yield* updating(touched));
  };
}

/** By name, what spoils a controller before it starts. */
export const plantedFaults = {
  'a unit that is not run again': ({ compiler }) => {
    let left = 60;
    spoil(compiler, delta => {
      left -= 1;
      return left === 0 ? { ...delta, changes: delta.changes.slice(1) } : delta;
    });
  },
  'a lost delete': ({ fleet }) => {
    const apply = fleet.apply.bind(fleet);
    fleet.apply = (delta, isNext) => {
      const kept = delta.changes.filter(change => change.after !== null || change.key.length % 5 !== 0);
      apply({ ...delta, changes: kept }, isNext);
    };
  },
  'an acknowledgement before the switch has acted': ({ fleet }) => {
    const { convergence } = fleet;
    const waitFor = convergence.waitFor.bind(convergence);
    convergence.waitFor = async (revision, timeoutMs) => {
      await waitFor(revision, Math.min(timeoutMs, 1));
      const progress = convergence.pending(revision);
      return { ...progress, isApplied: true, pending: [] };
    };
  },
  'a fragment of which half is sent': ({ compiler }) => {
    spoil(compiler, delta => {
      const changes = delta.changes.map(change => {
        const { after } = change;
        if (after === null || after.groups.length > 0 || after.flowCount < 4) return change;
        const length = (after.messages.charCodeAt(2) << 8) | after.messages.charCodeAt(3);
        const half = { ...after, messages: after.messages.slice(length), flowCount: after.flowCount - 1 };
        return { ...change, after: half };
      });
      return { ...delta, changes };
    });
  },
  'hosts that do not wait for each other': ({ compiler }) => {
    spoil(compiler, delta => {
      const changes = delta.changes.map(change =>
        change.after === null ? change : { ...change, after: { ...change.after, after: [] } },
      );
      return { ...delta, changes };
    });
  },
  'a refusal that is ignored': ({ fleet }) => {
    const connect = fleet.connect.bind(fleet);
    fleet.connect = (hypervisorId, connection) => {
      connection.target.onError = () => () => {};
      return connect(hypervisorId, connection);
    };
  },
  'a refusal that is not told': ({ fleet }) => {
    const { convergence } = fleet;
    const pending = convergence.pending.bind(convergence);
    convergence.pending = revision => {
      const progress = pending(revision);
      return { ...progress, isApplied: progress.isDelivered && progress.pending.length === 0, failed: [] };
    };
  },
  'a conntrack zone that is not emptied': ({ compiler }) => {
    const without = (fragment: EncodedFragment | null) => fragment && { ...fragment, ctZones: [] };
    spoil(compiler, delta => {
      // Neither when a port comes nor when it goes: one of the two is enough.
      const changes = delta.changes.map(change => ({
        ...change,
        before: without(change.before),
        after: without(change.after),
      }));
      return { ...delta, changes };
    });
  },
  'a rule of a security group that stays when it is deleted': ({ fleet }) => {
    const apply = fleet.apply.bind(fleet);
    fleet.apply = (delta, isNext) => {
      const kept = delta.changes.filter(change => change.after !== null || !change.key.startsWith('acl.rule/'));
      apply({ ...delta, changes: kept }, isNext);
    };
  },
  'a limit without its meter': ({ compiler }) => {
    spoil(compiler, delta => {
      const changes = delta.changes.map(change =>
        change.after === null ? change : { ...change, after: { ...change.after, meters: [] } },
      );
      return { ...delta, changes };
    });
  },
  'a revision of which the view is not told': ({ view }) => {
    const apply = view.apply.bind(view);
    let left = 50;
    view.apply = (revision, rows) => {
      left -= 1;
      return apply(revision, left === 0 ? [] : rows);
    };
  },
} satisfies Readonly<Record<string, (controller: Controller) => void>>;

export type PlantedFault = keyof typeof plantedFaults;

export const plantedFaultNames = Object.keys(plantedFaults) as readonly PlantedFault[];
