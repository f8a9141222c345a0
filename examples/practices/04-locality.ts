/**
 * Practice 4: locality is an assumption about matter, not a law of nature.
 *
 * What does an atom feel of everything beyond a sphere of radius R? All atoms outside are displaced at random, and the
 * force on the atom in the middle is watched: in rock salt, where nothing screens the ions, and in sodium, where
 * electrons do. Then the same is asked as a modeller would: how wrong is a potential that is cut off at R?
 *
 *   node scripts/run.mjs examples/practices/04-locality.ts [FOLDER]
 *
 * Look at: a straight line in which plot? In the metal the force falls by e every 0.7 Å; in the insulator as R^−3/2, the
 * field of displaced ions, and no cutoff that one could pay for makes it small.
 * Try: weaker screening (1/3 Å). `nearsight data locality FILE` asks the same of your own data.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ballOf,
  type CutoffError,
  cutoffErrors,
  figure,
  fitDecay,
  INSULATOR,
  METAL,
  outsideForceOfBall,
} from 'nearsight';

const percent = ({ error, force }: CutoffError): string => ((100 * error) / force).toFixed(error > force ? 0 : 2);
const radii = Array.from({ length: 9 }, (_, k) => 4 + k);
const series = [INSULATOR, METAL].map((crystal) => {
  const ball = ballOf(crystal, 20);
  const curve = outsideForceOfBall(ball, { radii, draws: 40 });
  const { exponential, power, better } = fitDecay(curve)!;
  const law =
    better === 'power'
      ? `R^−p with p = ${power.exponent.toFixed(2)} ± ${power.uncertainty.toFixed(2)}`
      : `exp(−R/λ) with λ = ${exponential.length.toFixed(2)} ± ${exponential.uncertainty.toFixed(2)} Å`;
  const [near, far] = [6, 9].map((radius) => cutoffErrors(ball, { radii: [radius], draws: 10 })[0]);
  console.log(crystal.name);
  console.log(`  force from beyond R decays as ${law}`);
  console.log(`  a cutoff at 6 Å is wrong by ${percent(near)} % of the force, at 9 Å by ${percent(far)} %`);
  const shown = curve.filter(({ sigma }) => sigma > 1e-8);
  return {
    name: crystal.name,
    x: shown.map(({ radius }) => radius),
    y: shown.map(({ sigma }) => sigma),
    mark: 'line' as const,
  };
});

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'What is felt from beyond a sphere',
  x: { label: 'radius of the sphere, Å' },
  y: { label: 'force on its centre, eV/Å', log: true },
  series,
});
writeFileSync(join(folder, '04-locality.svg'), svg);
