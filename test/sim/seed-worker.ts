/** A process that runs the seeds that it is sent, one after the other. */
import { runSeed } from './seeds.js';

process.on('message', (seed: number) => {
  void runSeed(seed).then(outcome => process.send?.(outcome));
});
