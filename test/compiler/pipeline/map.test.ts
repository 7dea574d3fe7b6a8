import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { pipelineMap } from '../../../src/compiler/pipeline/map.js';
import { layout } from '../../../src/compiler/pipeline/pipelines.js';

describe('docs/pipeline.md', () => {
  it('is what npm run docs:pipeline prints', () => {
    const written = readFileSync(new URL('../../../../docs/pipeline.md', import.meta.url), 'utf8');
    assert.equal(written, pipelineMap(layout));
  });
});
