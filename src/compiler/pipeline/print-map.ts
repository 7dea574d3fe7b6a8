/** Prints docs/pipeline.md: `npm run docs:pipeline`. */
import { pipelineMap } from './map.js';
import { layout } from './pipelines.js';

process.stdout.write(pipelineMap(layout));
