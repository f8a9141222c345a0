// `npm start`: install, build, run the main job on the embedded silicon data. Arguments go to `nearsight quickstart`.
import { join } from 'node:path';
import { ensureBuilt, ROOT, run } from './ensure.mjs';

await ensureBuilt();
run(process.execPath, [join(ROOT, 'dist', 'cli', 'main.js'), 'quickstart', ...process.argv.slice(2)]);
