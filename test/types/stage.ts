/**
 * What must not compile: a flow that matches or sets a field which its stage does not declare. The build is the test:
 * a directive below that is not needed is an error.
 */
import { call, drop, move, next, outputTo, set } from '../../src/compiler/pipeline/actions.js';
import { bucketActions, flow } from '../../src/compiler/pipeline/flow.js';
import { learnedStage, stage, subroutine } from '../../src/compiler/pipeline/stage.js';

const lookUp = stage('look_up', {
  purpose: 'Reads one thing, writes another.',
  reads: ['mac', 'ethDst'],
  writes: ['outPort'],
  onMiss: 'next',
});
const silent = stage('silent', { purpose: 'Reads and writes nothing.', reads: [], writes: [], onMiss: 'never' });

// What a stage declares.
export const allowed = [
  () =>
    flow(lookUp, {
      priority: 1,
      match: { mac: 1n, ethDst: { value: 1n, mask: 1n } },
      actions: [set({ outPort: 1 }), next],
    }),
  () => flow(silent, { priority: 1, match: {}, actions: [drop('no_route')] }),
  () => bucketActions(lookUp, [set({ outPort: 1 }), next]),
  () => learnedStage('learned', { purpose: 'Learned.', reads: ['mac'], writes: ['outPort'] }),
];

export const refused = [
  // @ts-expect-error A match on a field that the stage does not read.
  () => flow(lookUp, { priority: 1, match: { inPort: 1 }, actions: [] }),
  // @ts-expect-error A match on a field that the stage only writes.
  () => flow(lookUp, { priority: 1, match: { outPort: 1 }, actions: [] }),
  // @ts-expect-error A match in a stage that reads nothing: "none" is not "any".
  () => flow(silent, { priority: 1, match: { mac: 1 }, actions: [] }),
  // @ts-expect-error A field that does not exist.
  () => flow(lookUp, { priority: 1, match: { nonsense: 1 }, actions: [] }),
  // @ts-expect-error A set of a field that the stage only reads.
  () => flow(lookUp, { priority: 1, match: {}, actions: [set({ mac: 1 })] }),
  // @ts-expect-error A set of a declared field and of another.
  () => flow(lookUp, { priority: 1, match: {}, actions: [set({ outPort: 1, inPort: 1 })] }),
  // @ts-expect-error A set in a stage that writes nothing.
  () => flow(silent, { priority: 1, match: {}, actions: [set({ outPort: 1 })] }),
  // @ts-expect-error A move out of a field that the stage does not read.
  () => flow(lookUp, { priority: 1, match: {}, actions: [move('inPort', 'outPort')] }),
  // @ts-expect-error A move into a field that the stage does not write.
  () => flow(lookUp, { priority: 1, match: {}, actions: [move('ethDst', 'mac')] }),
  // @ts-expect-error An output to a port in a field that the stage does not read.
  () => flow(lookUp, { priority: 1, match: {}, actions: [outputTo('underlayPort')] }),
  // @ts-expect-error The same in the bucket of a group.
  () => bucketActions(lookUp, [set({ outHost: 1 })]),
  // @ts-expect-error A reason that is not in the table.
  () => drop('bad_luck'),
  // @ts-expect-error A field that does not exist, in a declaration.
  () => stage('bad', { purpose: '', reads: ['nonsense'], writes: [], onMiss: 'next' }),
  // @ts-expect-error A stage of the way cannot return to a caller: it has none.
  () => stage('bad', { purpose: '', reads: [], writes: [], onMiss: 'return' }),
  // @ts-expect-error What a subroutine does when it finds nothing is to return.
  () => subroutine('bad', { purpose: '', reads: [], writes: [], onMiss: 'next' }),
  // @ts-expect-error A call goes to a stage.
  () => call('ls_fdb'),
];
