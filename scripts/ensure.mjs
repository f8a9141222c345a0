// What `npm start`, `npm test` and `npm run build` share: install and build, each only when its inputs changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program in the project folder and stops everything when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', shell: false, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Node refuses old versions with a sentence, not with a syntax error somewhere deep. */
function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    say(`nearsight needs Node 20.19 or newer; this is ${process.versions.node}`);
    process.exit(2);
  }
}

function filesBelow(folder, suffixes) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && suffixes.some((suffix) => entry.name.endsWith(suffix)))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes(`${'generated'}/`))
    .sort();
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

/** True when `stamp` was written for the same inputs; otherwise a function to call once the work is done. */
function upToDate(stamp, inputs) {
  const wanted = digest(inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { fresh: true, done() {} };
  rmSync(stamp, { force: true });
  return {
    fresh: false,
    done() {
      mkdirSync(join(stamp, '..'), { recursive: true });
      writeFileSync(stamp, wanted);
    },
  };
}

/**
 * node_modules as the lock file says. `npm ci` would insist on packages for platforms other than this one, which not
 * every registry has; `--no-save` keeps the lock file as it is.
 */
export function ensureInstalled() {
  checkNode();
  const stamp = join(ROOT, 'node_modules', '.nearsight-installed');
  const state = upToDate(stamp, [join(ROOT, 'package.json'), join(ROOT, 'package-lock.json')]);
  if (state.fresh) return;
  say('installing packages (npm install) …');
  const npm = process.env.npm_execpath;
  const quiet = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm === undefined) run('npm', quiet);
  else run(process.execPath, [npm, ...quiet]);
  state.done();
}

const bin = (...path) => join(ROOT, 'node_modules', ...path);

/** dist/, from generated kernels through AssemblyScript to TypeScript. */
export async function ensureBuilt({ force = false } = {}) {
  ensureInstalled();
  const config = ['package-lock.json', 'tsconfig.json', 'scripts/ensure.mjs', 'scripts/kernels.mjs'].map((name) =>
    join(ROOT, name),
  );
  const kernelSources = [
    ...filesBelow(join(ROOT, 'src/kernels/generate'), ['.ts']),
    ...filesBelow(join(ROOT, 'src/kernels/assembly'), ['.ts']),
  ].filter((path) => !path.endsWith('.test.ts'));

  const kernelStamp = join(ROOT, 'dist', '.kernels');
  if (force) rmSync(kernelStamp, { force: true });
  const kernels = upToDate(kernelStamp, [...kernelSources, ...config]);
  if (!kernels.fresh) {
    say('compiling the kernels (AssemblyScript) …');
    run(process.execPath, [join(ROOT, 'scripts', 'kernels.mjs')]);
    kernels.done();
  }

  const stamp = join(ROOT, 'dist', '.built');
  if (force) rmSync(stamp, { force: true });
  const sources = filesBelow(join(ROOT, 'src'), ['.ts']).filter((path) => !path.endsWith('.test.ts'));
  const state = upToDate(stamp, [...sources, ...config]);
  if (!state.fresh) {
    say('compiling TypeScript …');
    run(process.execPath, [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
    state.done();
  }
}
