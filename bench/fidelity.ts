/**
 * Few CCSD(T) labels of water and many of GFN2-xTB: errors on held-out CCSD(T) labels of fits to the few, to the many
 * (energies shifted to the few), and to both. Which frames are the few is drawn anew for each seed; all other CCSD(T)
 * frames are the test set. Needs ../shared/data/own/molecules-mf.
 *   node scripts/run.mjs bench/fidelity.ts [--n 5,10,20] [--seeds 10] [--geometries with|without] [--spread 0.1] [--channels 24] [--markdown]
 * --geometries without: no GFN2 label of a test geometry either. --spread Infinity: the noise of levels is not tied.
 */
import { readFileSync } from 'node:fs';
import {
  biasEstimator,
  createProblem,
  createRandom,
  createSimdKernel,
  type FidelityProblem,
  type Frame,
  fitAlone,
  fitTogether,
  independentNoise,
  levelEstimator,
  liftLabels,
  parseExtxyz,
  residualsOf,
  restrictProblem,
  shiftedResiduals,
} from 'nearsight';

const args = process.argv.slice(2);
const option = (name: string, fallback: string): string => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : args[at + 1];
};
const FOLDER = '../shared/data/own/molecules-mf';
const read = (name: string): readonly Frame[] => parseExtxyz(readFileSync(`${FOLDER}/${name}`), name);

/** Root mean squares: meV/atom and meV/Å. */
interface Errors {
  readonly energy: number;
  readonly forces: number;
}

type Estimator = ReturnType<typeof levelEstimator>;

const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

/** Errors of what `predict` says of test frames, and of the standard errors: root mean square of error / standard error. */
function errorsOf(
  problem: FidelityProblem,
  test: readonly number[],
  predict: (frame: number) => { energy: number; forces: Float64Array; energyError: number; forceErrors: Float64Array },
): Errors & { scores: Errors } {
  const all = {
    energy: [] as number[],
    forces: [] as number[],
    energyScores: [] as number[],
    forceScores: [] as number[],
  };
  for (const k of test) {
    const { structure, labels } = problem.levels[0].frames[k];
    const said = predict(k);
    const off = said.energy - (labels.energy ?? Number.NaN);
    all.energy.push((1000 * off) / structure.numbers.length);
    all.energyScores.push(off / said.energyError);
    said.forces.forEach((force, c) => {
      const rest = force - (labels.forces?.[c] ?? Number.NaN);
      all.forces.push(1000 * rest);
      all.forceScores.push(rest / said.forceErrors[c]);
    });
  }
  return {
    energy: rms(all.energy),
    forces: rms(all.forces),
    scores: { energy: rms(all.energyScores), forces: rms(all.forceScores) },
  };
}

function predictWith(problem: FidelityProblem, estimator: Estimator, shift = 0) {
  return (k: number) => {
    const { structure } = problem.levels[0].frames[k];
    const {
      energy = Number.NaN,
      forces,
      energyError = Number.NaN,
      forceErrors,
    } = estimator.estimate(structure, problem.levels[0].rows(k));
    return { energy: energy + shift * structure.numbers.length, forces, energyError, forceErrors };
  };
}

async function whole(): Promise<FidelityProblem> {
  const levels = [
    { name: 'CCSD(T)', frames: read('water-ccsdt.extxyz') },
    { name: 'GFN2', frames: read('water-gfn2.extxyz') },
  ];
  const work = createProblem(levels, await createSimdKernel(), {
    descriptor: { channels: Number(option('--channels', '24')) },
  });
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

const problem = await whole();
const [high, low] = problem.levels;
const noiseSpread = Number(option('--spread', '0.1'));
const geometries = option('--geometries', 'with');
const seeds = Number(option('--seeds', '10'));
const partner = new Map(low.frames.map(({ info }, k) => [info.id, k]));
const lowAlone = fitAlone(problem, 1);

const draws: {
  n: number;
  seed: number;
  target: Errors;
  low: Errors;
  combined: Errors;
  lifted: Errors | null;
  [more: string]: unknown;
}[] = [];
for (const n of option('--n', '5,10,20').split(',').map(Number)) {
  for (let seed = 1; seed <= seeds; seed++) {
    const began = process.cpuUsage().user;
    const order = [...createRandom(seed).permutation(high.frames.length)];
    const [few, test] = [order.slice(0, n), order.slice(n)];
    const hidden = new Set(test.map((k) => partner.get(high.frames[k].info.id)));
    const cheap = geometries === 'with' ? null : [...low.frames.keys()].filter((k) => !hidden.has(k));
    const part = restrictProblem(problem, [few, cheap]);
    const alone = [fitAlone(part, 0), cheap === null ? lowAlone : fitAlone(part, 1)];
    const both = fitTogether(part, alone, { noiseSpread });
    // One ratio of hydrogen to oxygen: the shift of the energies of species is one number per atom.
    const cheapSays = levelEstimator(alone[1], 0);
    const offsets = few.map((k) => {
      const { structure, labels } = high.frames[k];
      const said = cheapSays.estimate(structure, high.rows(k)).energy ?? Number.NaN;
      return ((labels.energy ?? Number.NaN) - said) / structure.numbers.length;
    });
    const shift = offsets.reduce((sum, v) => sum + v, 0) / n;
    const bias = biasEstimator(both, 1, independentNoise(both, 1));
    const lifted = (k: number) => {
      const cheapFrame = low.frames[partner.get(high.frames[k].info.id) ?? -1];
      const {
        labels,
        energyError = Number.NaN,
        forceErrors,
      } = liftLabels(bias, cheapFrame.structure, cheapFrame.labels, high.rows(k));
      const { energy = Number.NaN, forces } = labels;
      return {
        energy,
        forces: forces ?? new Float64Array(0),
        energyError,
        forceErrors: forceErrors ?? new Float64Array(0),
      };
    };
    const leftOut = (all: ReturnType<typeof residualsOf>) => {
      const of = (kind: string): number =>
        1000 * rms(all.flatMap((one) => [...(one?.find((r) => r.kind === kind)?.leftOut ?? [])]));
      return { energy: of('energy'), forces: of('forces') };
    };
    const draw = {
      n,
      seed,
      target: errorsOf(problem, test, predictWith(problem, levelEstimator(alone[0], 0))),
      low: errorsOf(problem, test, predictWith(problem, cheapSays, shift)),
      combined: errorsOf(problem, test, predictWith(problem, levelEstimator(both, 0))),
      lifted: geometries === 'with' ? errorsOf(problem, test, lifted) : null,
      left_out: {
        target: leftOut(residualsOf(part, alone[0])),
        low: leftOut(shiftedResiduals(part, alone[1])),
        combined: leftOut(residualsOf(part, both)),
      },
      converged: both.converged,
      deviations: Object.fromEntries(
        both.components.map((c, k) => [
          c.of === 'noise' ? `noise ${c.kind} ${c.level}` : `spread ${c.level}`,
          Math.sqrt(both.variances[k]),
        ]),
      ),
      solutions: both.solutions,
      cpu_seconds: (process.cpuUsage().user - began) / 1e6,
    };
    process.stderr.write(
      `${n} ${seed}: ${(['target', 'low', 'combined', 'lifted'] as const)
        .map((fit) => `${fit} ${draw[fit]?.energy.toFixed(1) ?? '–'} ${draw[fit]?.forces.toFixed(0) ?? '–'}`)
        .join('; ')}; ${draw.solutions} solutions, ${draw.cpu_seconds.toFixed(1)} s\n`,
    );
    draws.push(draw);
  }
}

/** Mean over draws and its standard error. */
function over(n: number, value: (draw: (typeof draws)[number]) => number): [number, number] {
  const values = draws.filter((draw) => draw.n === n).map(value);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const spread = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return [mean, Math.sqrt(spread / values.length)];
}

const FITS = ['target', 'low', 'combined', ...(geometries === 'with' ? (['lifted'] as const) : [])] as const;
const summary = [...new Set(draws.map(({ n }) => n))].map((n) => ({
  n,
  errors: Object.fromEntries(
    FITS.map((fit) => [
      fit,
      {
        energy_rmse_meV_per_atom: over(n, (draw) => draw[fit]?.energy ?? Number.NaN),
        force_rmse_meV_per_A: over(n, (draw) => draw[fit]?.forces ?? Number.NaN),
      },
    ]),
  ),
  wins: draws.filter(
    ({ n: m, target, low: cheap, combined }) =>
      m === n &&
      combined.energy < Math.min(target.energy, cheap.energy) &&
      combined.forces < Math.min(target.forces, cheap.forces),
  ).length,
}));

const pair = ([mean, error]: readonly number[], digits: number): string =>
  `${mean.toFixed(digits)} ± ${error.toFixed(digits)}`;
const NAMES = {
  target: 'CCSD(T) alone',
  low: 'GFN2 alone, shifted',
  combined: 'both',
  lifted: 'GFN2 label lifted',
} as const;
if (args.includes('--markdown')) {
  const lines = [
    '| CCSD(T) labels | fit | energies, meV/atom | forces, meV/Å | both better |',
    '|---|---|---|---|---|',
  ];
  for (const { n, errors, wins } of summary) {
    for (const fit of FITS) {
      const { energy_rmse_meV_per_atom: energy, force_rmse_meV_per_A: forces } = errors[fit];
      const won = fit === 'combined' ? `${wins} of ${seeds}` : '';
      lines.push(`| ${n} | ${NAMES[fit]} | ${pair(energy, 1)} | ${pair(forces, 0)} | ${won} |`);
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`);
} else {
  process.stdout.write(`${JSON.stringify({ geometries, noiseSpread, seeds, summary, draws }, null, 2)}\n`);
}
problem.close();
