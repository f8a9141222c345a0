/**
 * Practice 1: atoms of one element have no names.
 *
 * Swapping the labels of two identical atoms must not change the energy. Two models of a small silicon cluster are put
 * to the test, for every pair of atoms: a pair potential whose bonds know the *index* of the atoms (a mistake that is
 * easily made: "the first atom is special"), and one that knows only elements and distances.
 *
 *   node scripts/run.mjs examples/practices/01-permutation.ts [FOLDER]
 *
 * Look at: the naive model fails for nearly every pair; the other one is exact to rounding, not merely "close".
 * Try: make the naive model depend on the *parity* of the index. Which pairs does that catch? Would a single random
 * shuffle have been enough to find it?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, createStructure, crystal, figure, permuted, rattled, type Structure } from 'nearsight';

/** Σ over pairs of a Morse bond, 2.35 Å long and 1 eV deep; `weight` says what the labels have to do with it. */
function energyOf({ positions, numbers }: Structure, weight: (i: number, j: number) => number): number {
  let energy = 0;
  for (let i = 0; i < numbers.length; i++) {
    for (let j = i + 1; j < numbers.length; j++) {
      const r = Math.hypot(...[0, 1, 2].map((a) => positions[3 * i + a] - positions[3 * j + a]));
      energy += weight(i, j) * ((1 - Math.exp(-1.5 * (r - 2.35))) ** 2 - 1);
    }
  }
  return energy;
}

const models = {
  naive: (structure: Structure) => energyOf(structure, (i, j) => 1 + 0.01 * i + 0.003 * j),
  physical: (structure: Structure) => energyOf(structure, () => 1),
};
const cell = crystal('diamond', ['Si'], 5.43);
const cluster = rattled(createStructure(Array(8).fill('Si'), cell.positions), 0.1, createRandom(1));

const pairs: [number, number][] = [];
for (let i = 0; i < 8; i++) for (let j = i + 1; j < 8; j++) pairs.push([i, j]);
const changes = Object.entries(models).map(([name, model]) => {
  const before = model(cluster);
  const change = pairs.map(([i, j]) => {
    const order = Int32Array.from({ length: 8 }, (_, k) => (k === i ? j : k === j ? i : k));
    return Math.abs(model(permuted(cluster, order)) - before);
  });
  const passed = change.filter((x) => x < 1e-12).length;
  console.log(
    `${name.padEnd(9)} largest change ${Math.max(...change).toExponential(1)} eV; ${passed} of ${pairs.length} swaps pass`,
  );
  return { name, x: pairs.map((_, k) => k + 1), y: change.map((x) => Math.max(x, 1e-17)) };
});

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Swapping two identical atoms',
  x: { label: 'pair of atoms' },
  y: { label: 'change of energy, eV', log: true },
  series: changes.map((one) => ({ ...one, mark: 'dots' as const })),
});
writeFileSync(join(folder, '01-permutation.svg'), svg);
