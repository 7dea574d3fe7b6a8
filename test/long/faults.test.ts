/** Every fault that one controller can meet, on real parts and under traffic. `npm run test:long` prints the table. */
import { controllerRows } from './rows-controller.js';
import { testRows } from './run-rows.js';

describe('faults of the controller and its connections, under traffic', () => testRows(controllerRows));
