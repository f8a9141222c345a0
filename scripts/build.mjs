// Builds dist/: generated kernels → AssemblyScript → TypeScript. Skips what is already up to date.
// Plain JavaScript, because it is what turns TypeScript into something that Node 20 can run.
import { ensureBuilt } from './ensure.mjs';

await ensureBuilt({ force: process.argv.includes('--force') });
