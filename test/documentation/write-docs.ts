/** Brings the generated parts of the documentation up to date: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pages, withGeneratedParts } from './generated-parts.js';

for (const page of pages) writeFileSync(page, withGeneratedParts(readFileSync(page, 'utf8')));
