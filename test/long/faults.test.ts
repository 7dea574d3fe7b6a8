/** Every fault that one controller can meet, on real parts and under traffic. `npm run test:long` prints the table. */
import { controllerRows } from './rows-controller.js';
import { databaseRows } from './rows-database.js';
import { hostRows } from './rows-hosts.js';
import { driftRows, switchRows } from './rows-switch.js';
import { testRows } from './run-rows.js';

describe('faults of the controller and its connections, under traffic', () => testRows(controllerRows));
describe('faults of Postgres, under traffic', () => testRows(databaseRows));
describe('faults of Open vSwitch, under traffic', () => testRows(switchRows));
describe('what hosts do to each other, under traffic', () => testRows(hostRows));
describe('what others write on switches, under traffic', () => testRows(driftRows));
