/** Docker engines that ask Weft straight: nothing of Weft is on their hosts but a line in a file. */
import { describeDocker, usesDockerLab } from './docker-cases.js';

describe('Docker engines that ask Weft straight', function () {
  this.timeout(600_000);
  describeDocker(usesDockerLab('straight'));
});
