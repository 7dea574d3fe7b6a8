/** Docker engines with `weft docker-plugin` on their hosts, which makes the devices of containers. */
import { describeDocker, usesDockerLab } from './docker-cases.js';

describe('Docker engines with weft docker-plugin on their hosts', function () {
  this.timeout(600_000);
  describeDocker(usesDockerLab('process'));
});
