/**
 * Practice 6: one bad label can bend a whole model. Cook's distance finds it.
 *
 * Five energies of the silicon data are made wrong by some 0.1 eV/atom, the way an unconverged calculation is. A linear
 * model is fitted, and for each label one asks: how much would *all* predictions move without it? That is Cook's
 * distance (Cook 1977, doi:10.1080/00401706.1977.10489493).
 *
 *   node scripts/run.mjs examples/practices/06-cooks-distance.ts [FOLDER]
 *
 * Look at: the spoilt labels are among the most influential, though their energies lie well within those of the rest. But
 * influence is not guilt: a cell under extreme strain bends the fit just as much, and rightly so. What gives a wrong label
 * away is more influence than a residual of the usual size would have in its place; that is the rule behind the names.
 * Try: errors of 10 and 3 meV/atom. Where does detection end, and does a label that can't be found do any harm?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { analyseOutliers, createRandom, figure, finish } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset } from 'nearsight/node';

const path = fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT));
const all = (await readDataset(path)).frames;
// A few melts and crystals under huge pressure would make every error look usual.
const frames = all.filter(({ group }) => group !== 'hydrostatic' && group !== 'liquid_16');
const random = createRandom(3);
const spoilt = new Set(random.permutation(frames.length).subarray(0, 5));
const labelled = frames.map((frame, k) => {
  if (!spoilt.has(k)) return frame;
  const error = 0.1 * frame.structure.numbers.length * Math.sign(random.normal());
  return { ...frame, labels: { ...frame.labels, energy: frame.labels.energy! + error } };
});

const { outliers, energies } = await finish(analyseOutliers(labelled, await createEngine(1)));
const named = outliers.filter(({ kind }) => kind === 'energy').map(({ frame }) => frame);
const hits = named.filter((frame) => spoilt.has(frame)).length;
console.log(`${spoilt.size} labels spoilt, ${named.length} named, ${hits} of them rightly`);
for (const { frame, residual, cook } of outliers.slice(0, 6)) {
  const mark = spoilt.has(frame) ? 'spoilt' : 'as it was';
  console.log(
    `frame ${String(frame).padStart(3)}: off by ${(1000 * residual).toFixed(0).padStart(4)} meV/atom, Cook's distance ${cook.toExponential(1)}  (${mark})`,
  );
}

const cooks = energies.map((energy) => Math.max(energy?.cook ?? 0, 1e-12));
const of = (wanted: boolean) => [...cooks.keys()].filter((k) => spoilt.has(k) === wanted);
const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Influence of each energy on the fit',
  x: { label: 'frame' },
  y: { label: 'Cook’s distance', log: true },
  series: [
    { name: 'as computed', x: of(false), y: of(false).map((k) => cooks[k]), mark: 'dots' },
    { name: 'spoilt', x: of(true), y: of(true).map((k) => cooks[k]), mark: 'dots' },
  ],
});
writeFileSync(join(folder, '06-cooks-distance.svg'), svg);
