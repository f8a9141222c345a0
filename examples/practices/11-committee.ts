/**
 * Practice 11: a model that says "I don't know".
 *
 * A potential with four heads is trained on crystalline silicon only; each head has seen the data in other proportions.
 * Where they agree the answer is known, where they differ it is guessed. It is then asked about crystals that were held
 * out, and about the melt, which it has never seen.
 *
 *   node scripts/run.mjs examples/practices/11-committee.ts [FOLDER]
 *
 * Look at: the spread ranks the errors, and it is larger in the melt. But compare sizes: is a spread of 0.1 eV/Å an error
 * of 0.1 eV/Å? (Calibration is what `nearsight train` does about that.)
 * Try: two heads, eight heads. And a crystal at 1.3 times its volume: does the spread grow as fast as the error?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, evaluateCommittee, type Frame, figure, finish, potentialOf, splitByGroup } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const { frames } = await readDataset(fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT)));
const melt = frames.filter(({ group }) => group.startsWith('liquid'));
const crystals = frames.filter(({ group }) => !group.startsWith('liquid'));
const { train, heldOut } = splitByGroup({ frames: crystals }, 0.25, createRandom(1));
const data = join(tmpdir(), `practice-11-${process.pid}.extxyz`);
await writeFrames(
  data,
  Array.from(train, (k) => crystals[k]),
);
const out = join(tmpdir(), `practice-11-${process.pid}.safetensors`);
const { model } = await finish(runTraining({ data: [data], out, epochs: 80, threads: 1 }));
const potential = potentialOf(model, await createEngine(1));

/** Of every atom: spread of the force over the heads, and error of their mean, eV/Å. */
function atomsOf(list: readonly Frame[]): { spread: number; error: number }[] {
  return list.flatMap(({ structure, labels }) => {
    const { mean, spread } = evaluateCommittee(potential, structure);
    return Array.from(structure.numbers, (_, i) => {
      const size = (of: (c: number) => number): number => Math.hypot(of(3 * i), of(3 * i + 1), of(3 * i + 2));
      return { spread: size((c) => spread.forces[c]), error: size((c) => mean.forces[c] - labels.forces![c]) };
    });
  });
}
/** Spearman's rank correlation. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (list: readonly number[]): number[] => {
    const rank = new Array<number>(list.length);
    for (const [k, i] of [...list.keys()].sort((i, j) => list[i] - list[j]).entries()) rank[i] = k;
    return rank;
  };
  const [p, q, n] = [ranks(a), ranks(b), a.length];
  return 1 - (6 * p.reduce((sum, x, k) => sum + (x - q[k]) ** 2, 0)) / (n * (n * n - 1));
}

const groups = { 'held-out crystals': atomsOf(Array.from(heldOut, (k) => crystals[k])), melt: atomsOf(melt) };
for (const [name, atoms] of Object.entries(groups)) {
  const rms = (key: 'spread' | 'error'): string =>
    (1000 * Math.sqrt(atoms.reduce((sum, atom) => sum + atom[key] ** 2, 0) / atoms.length)).toFixed(0);
  const rank = rankCorrelation(
    atoms.map(({ spread }) => spread),
    atoms.map(({ error }) => error),
  );
  console.log(
    `${name.padEnd(18)} spread ${rms('spread').padStart(4)} meV/Å, error ${rms('error').padStart(4)} meV/Å, rank correlation ${rank.toFixed(2)}`,
  );
}
potential.close();

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'What the heads disagree about',
  x: { label: 'spread of the force, eV/Å', log: true },
  y: { label: 'error of the force, eV/Å', log: true },
  series: Object.entries(groups).map(([name, atoms]) => {
    const seen = atoms.filter(({ spread, error }) => spread > 1e-4 && error > 1e-4);
    return { name, x: seen.map((atom) => atom.spread), y: seen.map((atom) => atom.error), mark: 'dots' as const };
  }),
});
writeFileSync(join(folder, '11-committee.svg'), svg);
