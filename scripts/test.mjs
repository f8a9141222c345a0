// `npm test`: install, build, check the sources, run all tests. Arguments go to vitest: `npm test -- src/md`.
import { join } from 'node:path';
import { ensureBuilt, ROOT, run } from './ensure.mjs';

const tool = (...path) => join(ROOT, 'node_modules', ...path);
const step = (title, program, args) => {
  process.stderr.write(`${title} …\n`);
  run(program, args);
};

await ensureBuilt();
const tsc = tool('typescript', 'bin', 'tsc');
step('format and lint (biome)', process.execPath, [
  tool('@biomejs', 'biome', 'bin', 'biome'),
  'check',
  '--error-on-warnings',
  '.',
]);
step('types: sources, tests, benchmarks, examples', process.execPath, [tsc, '-p', 'tsconfig.test.json']);
step('types: kernels (AssemblyScript)', process.execPath, [tsc, '-p', 'src/kernels/assembly/tsconfig.json']);
step('order of the rooms', process.execPath, [join('scripts', 'rooms.mjs')]);
step('tests (vitest)', process.execPath, [tool('vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)]);
