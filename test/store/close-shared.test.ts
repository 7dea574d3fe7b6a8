import { closeSharedStores } from '../fixtures/stores.js';

// Outside any suite: a root hook, run once after all tests of the process.
after(closeSharedStores);
