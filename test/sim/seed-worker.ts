/** A process that runs the seeds that it is sent, one after the other. */
import { runSeed, type SeedTask } from './seeds.js';

process.on('message', (task: SeedTask) => {
  void runSeed(task).then(outcome => process.send?.(outcome));
});
