/** Every migration in the order of its timestamp. One that has been released is never edited: write another. */
import { InitialSchema1763719200000 } from './1763719200000-initial-schema.js';

export const migrations = [InitialSchema1763719200000] as const;
