// Runs a TypeScript file of bench/ or examples/ against the built package: node scripts/run.mjs FILE.ts [ARGUMENTS].
// Node 20 can't read TypeScript; types are stripped here, and the file imports `nearsight` like any user's program.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ROOT } from './ensure.mjs';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node scripts/run.mjs FILE.ts [ARGUMENTS]\n');
  process.exit(2);
}
await ensureBuilt();
const { default: ts } = await import('typescript');
const { outputText } = ts.transpileModule(readFileSync(resolve(file), 'utf8'), {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  fileName: file,
});
const folder = join(ROOT, 'dist', 'run');
mkdirSync(folder, { recursive: true });
const out = join(folder, basename(file).replace(/\.ts$/, '.mjs'));
writeFileSync(out, outputText);
process.argv = [process.argv[0], out, ...rest];
await import(pathToFileURL(out).href);
