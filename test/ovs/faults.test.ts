/** The quickest rows of the fault table: `npm run test:long` has them all. */
import { controllerRows } from '../long/rows-controller.js';
import { databaseRows } from '../long/rows-database.js';
import { switchRows } from '../long/rows-switch.js';
import { testRows } from '../long/run-rows.js';

describe('faults under traffic', () =>
  testRows([...controllerRows, ...databaseRows, ...switchRows].filter(row => row.isQuick === true)));
