import { closeSharedRest } from './rest-fixture.js';

after(closeSharedRest);
