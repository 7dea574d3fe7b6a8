/**
 * Prints, as JSON, what every verb costs beside so many unrelated ports on so many hypervisors. A process of its own: it counts from the
 * first import on.
 */
import { StepCounter, type Steps, totalOf } from './step-count.js';

const [unrelatedPorts = 0, hypervisors = 0] = process.argv.slice(2).map(Number);
const counter = new StepCounter();
await counter.start();

const { MeasuredController } = await import('./measured-controller.js');
const { workNetwork } = await import('./work-network.js');
const { verbsOn } = await import('./verbs.js');

/** The functions that took the most. */
const longest = (steps: Steps): Record<string, number> =>
  Object.fromEntries([...steps].sort(([, left], [, right]) => right - left).slice(0, 12));

const network = workNetwork(unrelatedPorts, hypervisors);
const verbs = verbsOn(network);
const controller = new MeasuredController(network);
await controller.start();
const size = { ...controller.size };
// Once for what is made at the first time and kept.
for (const { rows, undo } of verbs) {
  await controller.commit(rows);
  await controller.commit(undo);
  await controller.connectAll();
}
await counter.take();
const measured = [];
for (const { name, rows, undo } of verbs) {
  const work = { done: await controller.commit(rows), undone: await controller.commit(undo) };
  // To ask takes longer than most verbs, so it is asked once for both ways.
  const steps = await counter.take();
  measured.push({ verb: name, work, steps: totalOf(steps), longest: longest(steps) });
  if (await controller.connectAll()) await counter.take();
}
controller.stop();
const report = { unrelatedPorts, units: size.units, fragments: size.fragments, verbs: measured };
// To a pipe it is written piece by piece: an end before that would cut it off.
process.stdout.write(JSON.stringify(report), () => process.exit(0));
