/**
 * Practice 12: ask for what you know least about.
 *
 * From a pool of silicon frames with hidden labels, ten are bought to begin with, and then four at a time: at random, or
 * those on which eight bootstrapped linear fits disagree most. The error on other frames is followed.
 *
 *   node scripts/run.mjs examples/practices/12-active-learning.ts [FOLDER]
 *
 * Look at: which kinds of frames are bought first, and how many labels random choice needs for the same error.
 * Try: buy twelve at a time. Nearly equal frames are then bought together: what would you add to the rule?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createLinearModel,
  createRandom,
  figure,
  fitLinear,
  openLinearModel,
  predictLinear,
  type Random,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset } from 'nearsight/node';

const { frames } = await readDataset(fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT)));
const kernel = await createEngine(1);
const model = createLinearModel(
  frames.map(({ structure }) => structure),
  kernel,
  { cutoff: 5, onset: 3.5, radial: 8, channels: 4, seed: 1 },
);
const open = openLinearModel(model, kernel);
// Rows of the least-squares problem do not depend on labels: they are computed once.
const rows = new Map(frames.map(({ structure }) => [structure, open.rows(structure)]));
const engine: typeof open = { ...open, rows: (structure) => rows.get(structure)! };
const WEIGHTS = { energy: 1000, forces: 1, stress: 0 };

const [pool, test] = [0, 1].map((part) => frames.filter((_, k) => (k % 3 === 0 ? 1 : 0) === part));
function errorOf(coefficients: Float64Array): number {
  let [square, count] = [0, 0];
  for (const { structure, labels } of test) {
    for (const [c, f] of predictLinear(engine.rows(structure), coefficients).forces.entries()) {
      square += (f - labels.forces![c]) ** 2;
      count++;
    }
  }
  return 1000 * Math.sqrt(square / count);
}

/** Largest disagreement about any force of a frame, over fits to resampled data. */
function disagreement(bought: readonly number[], random: Random): number[] {
  const fits = Array.from({ length: 8 }, () => {
    const sample = bought.map(() => pool[bought[Math.floor(random.uniform() * bought.length)]]);
    return fitLinear(engine, sample, WEIGHTS, 1e-6).coefficients;
  });
  return pool.map(({ structure }) => {
    const forces = fits.map((c) => predictLinear(engine.rows(structure), c).forces);
    return Math.max(
      ...Array.from(forces[0], (_, c) => {
        const mean = forces.reduce((sum, f) => sum + f[c], 0) / forces.length;
        return forces.reduce((sum, f) => sum + (f[c] - mean) ** 2, 0);
      }),
    );
  });
}

const ROUNDS = 11;
const SEEDS = 4;
const curves = { 'at random': new Float64Array(ROUNDS), 'where fits disagree': new Float64Array(ROUNDS) };
const kinds = new Map<string, number>();
for (const [name, curve] of Object.entries(curves)) {
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = createRandom(seed);
    const order = random.permutation(pool.length);
    const bought = Array.from(order.subarray(0, 10));
    for (let round = 0; round < ROUNDS; round++) {
      curve[round] +=
        errorOf(
          fitLinear(
            engine,
            bought.map((k) => pool[k]),
            WEIGHTS,
            1e-6,
          ).coefficients,
        ) / SEEDS;
      const left = Array.from(order).filter((k) => !bought.includes(k));
      const score = name === 'at random' ? null : disagreement(bought, random);
      const chosen = score === null ? left.slice(0, 4) : left.sort((p, q) => score[q] - score[p]).slice(0, 4);
      if (score !== null && round < 2)
        for (const k of chosen) kinds.set(pool[k].group, (kinds.get(pool[k].group) ?? 0) + 1);
      bought.push(...chosen);
    }
  }
}
open.close();
const labels = Array.from({ length: ROUNDS }, (_, k) => 10 + 4 * k);
for (const [name, curve] of Object.entries(curves)) {
  const text = [0, 2, 5, 10].map((k) => `${labels[k]} labels: ${curve[k].toFixed(0)}`);
  console.log(`${name.padEnd(20)} force error, meV/Å: ${text.join(', ')}`);
}
const goal = curves['at random'][ROUNDS - 1];
const needed = labels[curves['where fits disagree'].findIndex((error) => error <= goal)];
console.log(`what random choice reaches with ${labels[ROUNDS - 1]} labels, asking reaches with ${needed ?? 'more'}`);
console.log(
  `bought first: ${[...kinds]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, n]) => `${kind} ${n}`)
    .join(', ')}`,
);

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'What a label is worth',
  x: { label: 'labelled frames' },
  y: { label: 'force error on other frames, meV/Å', log: true },
  series: Object.entries(curves).map(([name, y]) => ({ name, x: labels, y: Array.from(y), mark: 'line' as const })),
});
writeFileSync(join(folder, '12-active-learning.svg'), svg);
