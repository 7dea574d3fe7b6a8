import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiTypes, openApiDocument } from './api-types.js';
import { pages, partNames, partsOf, withGeneratedParts } from './generated-parts.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('The documentation', () => {
  for (const page of pages) {
    it(`${page}: its generated parts are what npm run docs writes`, () => {
      const text = read(page);
      assert.equal(text, withGeneratedParts(text));
    });
  }

  it('the types of the client library are what npm run docs writes', async () => {
    assert.equal(read('northbound/client/api.ts'), apiTypes(await openApiDocument()));
  });

  it('has every part that the program can tell', () => {
    assert.deepEqual(pages.flatMap(page => partsOf(read(page))).toSorted(), partNames.toSorted());
  });

  it('has no link within the project that leads nowhere', () => {
    const markdown = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.md'))
      .map(name => join('docs', name));
    for (const page of ['README.md', 'CONTRIBUTING.md', ...markdown]) {
      for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        assert.ok(existsSync(join(root, dirname(page), link)), `${page} links to ${link}`);
      }
    }
  });
});
