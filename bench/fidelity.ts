/**
 * Few CCSD(T) labels of water and many of GFN2-xTB: errors on held-out CCSD(T) labels of fits to the few, to the many
 * (energies shifted to the few), and to both. Which frames are the few is drawn anew for each seed; all other CCSD(T)
 * frames are the test set. Each fit has the one of the cutoffs with the smallest error of forces left out. Needs ../shared/data/own/molecules-mf.
 *   node scripts/run.mjs bench/fidelity.ts [--n 5,10,20] [--seeds 10] [--geometries with|without] [--spread 0.1]
 *     [--cutoff 3,3.5,4] [--channels 24] [--markdown]
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

async function whole(cutoff: number): Promise<FidelityProblem> {
  const levels = [
    { name: 'CCSD(T)', frames: read('water-ccsdt.extxyz') },
    { name: 'GFN2', frames: read('water-gfn2.extxyz') },
  ];
  const work = createProblem(levels, await createSimdKernel(), {
    descriptor: { channels: Number(option('--channels', '24')), cutoff },
  });
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

const noiseSpread = Number(option('--spread', '0.1'));
const geometries = option('--geometries', 'with');
const seeds = Number(option('--seeds', '10'));
const cutoffs = option('--cutoff', '3,3.5,4').split(',').map(Number);

type Fit = 'target' | 'low' | 'combined' | 'lifted';
interface Outcome {
  readonly cutoff: number;
  readonly held_out: Errors & { readonly scores: Errors };
  /** Of frames of the few, each left out in turn; null for lifted labels. */
  readonly left_out: Errors | null;
}

/** One draw of the few, with one cutoff. */
function drawn(problem: FidelityProblem, cutoff: number, few: readonly number[], test: readonly number[]) {
  const [high, low] = problem.levels;
  const partner = new Map(low.frames.map(({ info }, k) => [info.id, k]));
  const hidden = new Set(test.map((k) => partner.get(high.frames[k].info.id)));
  const cheap = geometries === 'with' ? null : [...low.frames.keys()].filter((k) => !hidden.has(k));
  const part = restrictProblem(problem, [few, cheap]);
  const alone = [fitAlone(part, 0), fitAlone(part, 1)];
  const both = fitTogether(part, alone, { noiseSpread });
  // One ratio of hydrogen to oxygen: the shift of the energies of species is one number per atom.
  const cheapSays = levelEstimator(alone[1], 0);
  const offsets = few.map((k) => {
    const { structure, labels } = high.frames[k];
    const said = cheapSays.estimate(structure, high.rows(k)).energy ?? Number.NaN;
    return ((labels.energy ?? Number.NaN) - said) / structure.numbers.length;
  });
  const shift = offsets.reduce((sum, v) => sum + v, 0) / few.length;
  const bias = biasEstimator(both, 1, independentNoise(both, 1));
  const lifted = (k: number) => {
    const { structure, labels } = low.frames[partner.get(high.frames[k].info.id) ?? -1];
    const said = liftLabels(bias, structure, labels, high.rows(k));
    const none = new Float64Array(0);
    return {
      energy: said.labels.energy ?? Number.NaN,
      energyError: said.energyError ?? Number.NaN,
      forces: said.labels.forces ?? none,
      forceErrors: said.forceErrors ?? none,
    };
  };
  const leftOut = (all: ReturnType<typeof residualsOf>): Errors => {
    const of = (kind: string): number =>
      1000 * rms(all.flatMap((one) => [...(one?.find((r) => r.kind === kind)?.leftOut ?? [])]));
    return { energy: of('energy'), forces: of('forces') };
  };
  const outcome = (predict: Parameters<typeof errorsOf>[2], left: Errors | null): Outcome => ({
    ...{ cutoff, held_out: errorsOf(problem, test, predict), left_out: left },
  });
  return {
    fits: {
      target: outcome(predictWith(problem, levelEstimator(alone[0], 0)), leftOut(residualsOf(part, alone[0]))),
      low: outcome(predictWith(problem, cheapSays, shift), leftOut(shiftedResiduals(part, alone[1]))),
      combined: outcome(predictWith(problem, levelEstimator(both, 0)), leftOut(residualsOf(part, both))),
      ...(geometries === 'with' && { lifted: outcome(lifted, null) }),
    } as Record<Fit, Outcome>,
    // −2 log of the likelihood: of the cheap labels, and of the few when the cheap are known.
    deviance: { low: alone[1].deviance, few: both.deviance - alone[1].deviance },
    converged: both.converged,
    variances: both.components.map((component, k) => ({ ...component, deviation: Math.sqrt(both.variances[k]) })),
  };
}

const problems = await Promise.all(cutoffs.map(whole));
const draws: { n: number; seed: number; fits: Record<Fit, Outcome>; all: ReturnType<typeof drawn>[] }[] = [];
for (const n of option('--n', '5,10,20').split(',').map(Number)) {
  for (let seed = 1; seed <= seeds; seed++) {
    const began = process.cpuUsage().user;
    const order = [...createRandom(seed).permutation(problems[0].levels[0].frames.length)];
    const all = problems.map((problem, k) => drawn(problem, cutoffs[k], order.slice(0, n), order.slice(n)));
    // Each fit has the cutoff with the smallest forces left out: nothing of the test set decides.
    const chosen = (fit: Fit): ReturnType<typeof drawn> =>
      all.reduce((best, one) =>
        (one.fits[fit].left_out?.forces ?? 0) < (best.fits[fit].left_out?.forces ?? 0) ? one : best,
      );
    const fits = {
      target: chosen('target').fits.target,
      low: chosen('low').fits.low,
      combined: chosen('combined').fits.combined,
      lifted: chosen('combined').fits.lifted,
    };
    const seconds = ((process.cpuUsage().user - began) / 1e6).toFixed(1);
    const shown = (['target', 'low', 'combined', 'lifted'] as const).flatMap((fit) => {
      if (fits[fit] === undefined) return [];
      const { held_out, cutoff } = fits[fit];
      return [`${fit} (${cutoff} Å) ${held_out.energy.toFixed(1)} ${held_out.forces.toFixed(0)}`];
    });
    process.stderr.write(`${n} ${seed}: ${shown.join('; ')}; ${seconds} s\n`);
    draws.push({ n, seed, fits, all });
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
        energy_rmse_meV_per_atom: over(n, (draw) => draw.fits[fit].held_out.energy),
        force_rmse_meV_per_A: over(n, (draw) => draw.fits[fit].held_out.forces),
      },
    ]),
  ),
  wins: draws.filter((draw) => {
    const [target, low, both] = FITS.map((fit) => draw.fits[fit].held_out);
    const wins = (kind: keyof Errors): boolean => both[kind] < Math.min(target[kind], low[kind]);
    return draw.n === n && wins('energy') && wins('forces');
  }).length,
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
  process.stdout.write(`${JSON.stringify({ geometries, noiseSpread, cutoffs, seeds, summary, draws }, null, 2)}\n`);
}
for (const problem of problems) problem.close();
