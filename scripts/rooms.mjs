// Checks that a room imports only from rooms above it in docs/architecture.md, type imports included, and that rooms
// above node/ stay clear of what only a computer with files and clocks has.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ROOT } from './ensure.mjs';

const page = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');
const listed = /<!-- rooms: (.+?) -->/.exec(page);
if (listed === null) throw new Error('docs/architecture.md has no <!-- rooms: … --> line');
const ORDER = listed[1].split(' < ').map((room) => room.trim());
/** May be imported from anywhere: single files directly in src/. */
const GROUND = 'ground';
const FIRST_OUTSIDE = ORDER.indexOf('node');
const FORBIDDEN = [
  [/from 'node:/, 'a Node module'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\bDate\.now\b|\bnew Date\b|\bperformance\.now\b/, 'the clock'],
  [/\bprocess\./, 'the process'],
];

const roomOf = (path) => {
  const parts = relative(join(ROOT, 'src'), path).split(sep);
  return parts.length === 1 ? GROUND : parts[0];
};

const problems = [];
const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
for (const file of files) {
  const name = relative(ROOT, file);
  const room = roomOf(file);
  // The generator is a build tool, and AssemblyScript a language of its own.
  if (/kernels\/(generate|assembly|generated)\//.test(name.split(sep).join('/'))) continue;
  if (room === GROUND && name.endsWith('index.ts')) continue;
  const place = room === GROUND ? -1 : ORDER.indexOf(room);
  if (room !== GROUND && place < 0) problems.push(`${name}: room "${room}" is not in docs/architecture.md`);
  const text = readFileSync(file, 'utf8');
  for (const [, target] of text.matchAll(/(?:from|import)\s+'(\.[^']+)'/g)) {
    const other = roomOf(join(dirname(file), target));
    if (other === GROUND) continue;
    if (ORDER.indexOf(other) > place) problems.push(`${name}: imports from "${other}", which comes after "${room}"`);
  }
  // What serves tests alone may look at the clock.
  if (place >= FIRST_OUTSIDE || name.endsWith(`${sep}testing.ts`)) continue;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  for (const [pattern, what] of FORBIDDEN) if (pattern.test(code)) problems.push(`${name}: uses ${what}`);
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exit(problems.length === 0 ? 0 : 1);
