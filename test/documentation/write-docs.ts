/** Brings the generated parts of the documentation, and the types of the client library, up to date: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { apiTypes, openApiDocument } from './api-types.js';
import { pages, withGeneratedParts } from './generated-parts.js';

for (const page of pages) writeFileSync(page, withGeneratedParts(readFileSync(page, 'utf8')));
writeFileSync('northbound/client/api.ts', apiTypes(await openApiDocument()));
