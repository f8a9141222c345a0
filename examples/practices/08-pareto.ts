/**
 * Practice 8: energies or forces? There is no best model, there is a front.
 *
 * A linear potential is fitted to the silicon data with eleven ratios of the weights of energies and forces; it is exact
 * least squares, so that nothing but the weights makes the difference. Half of the frames are for the fit, half for the
 * errors.
 *
 *   node scripts/run.mjs examples/practices/08-pareto.ts [FOLDER]
 *
 * Look at: which of the fits nobody needs (another one is better in both), and where the knee is.
 * Try: choose a fit for phonons (forces), and one for a phase diagram (energies). Then add the stress as a third axis.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinearModel, figure, fitLinear, kneeOf, nonDominated, openLinearModel, predictLinear } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset } from 'nearsight/node';

const path = fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT));
const { frames } = await readDataset(path);
const [train, test] = [0, 1].map((half) => frames.filter((_, k) => k % 2 === half));
const kernel = await createEngine(1);
const model = createLinearModel(
  train.map(({ structure }) => structure),
  kernel,
  { cutoff: 5, onset: 3.5, radial: 8, channels: 4, seed: 1 },
);
const engine = openLinearModel(model, kernel);

const ratios = Array.from({ length: 11 }, (_, k) => 10 ** (k - 4));
const points = ratios.map((ratio) => {
  const { coefficients } = fitLinear(engine, train, { energy: ratio * 1000, forces: 1, stress: 0 });
  let [energy, force, components] = [0, 0, 0];
  for (const { structure, labels } of test) {
    const predicted = predictLinear(engine.rows(structure), coefficients);
    energy += ((predicted.energy - labels.energy!) / structure.numbers.length) ** 2 / test.length;
    for (const [c, f] of predicted.forces.entries()) force += (f - labels.forces![c]) ** 2;
    components += predicted.forces.length;
  }
  return [1000 * Math.sqrt(energy), 1000 * Math.sqrt(force / components)];
});
const front = nonDominated(points);
const knee = kneeOf(points);
for (const [k, [energy, force]] of points.entries()) {
  const mark = k === knee ? 'knee' : front.includes(k) ? 'front' : 'dominated';
  console.log(
    `weight of energies ×${ratios[k].toExponential(0).padEnd(5)} ${energy.toFixed(2).padStart(7)} meV/atom ${force.toFixed(1).padStart(7)} meV/Å  ${mark}`,
  );
}
engine.close();

const rest = [...points.keys()].filter((k) => !front.includes(k));
const sorted = [...front].sort((a, b) => points[a][0] - points[b][0]);
const at = (list: readonly number[], axis: 0 | 1) => list.map((k) => points[k][axis]);
const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Eleven weights of one model',
  x: { label: 'energy error, meV/atom', log: true },
  y: { label: 'force error, meV/Å', log: true },
  series: [
    { name: 'front', x: at(sorted, 0), y: at(sorted, 1), mark: 'line' },
    { name: 'dominated', x: at(rest, 0), y: at(rest, 1), mark: 'dots' },
    { name: 'knee', x: [points[knee][0]], y: [points[knee][1]], mark: 'dots' },
  ],
});
writeFileSync(join(folder, '08-pareto.svg'), svg);
