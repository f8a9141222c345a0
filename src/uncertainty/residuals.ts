/** Errors of predictions beside what an estimator says of them, frame by frame. */
import type { Frame } from '../data/dataset.ts';
import type { Committee, Evaluation, Potential } from '../model/potential.ts';
import { cellVolume } from '../structure/cell.ts';
import { buildNeighbourList, type NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { evaluateCommittee, type Spread } from './committee.ts';
import type { Estimator, EstimatorName, RawUncertainty } from './estimator.ts';
import type { Residuals } from './metrics.ts';
import type { LabelNoise, Noise } from './noise.ts';

/** A prediction, and how uncertain an estimator is of it. */
export interface Judged {
  readonly mean: Evaluation;
  readonly raw: RawUncertainty;
  /** Of the members, where there are some. */
  readonly spread: Spread | null;
}

/** A potential that says how uncertain it is, before calibration. */
export interface Judge {
  readonly name: EstimatorName;
  judge(structure: Structure, neighbours?: NeighbourList): Judged;
}

/** The spread of a committee as an uncertainty. */
export function committeeJudge(committee: Committee, name: EstimatorName): Judge {
  return {
    name,
    judge(structure, neighbours) {
      const { mean, spread } = evaluateCommittee(committee, structure, neighbours);
      return { mean, spread, raw: rawOf(spread, structure) };
    },
  };
}

/** A potential beside an estimator of another kind. */
export function estimatorJudge(potential: Potential, estimator: Estimator): Judge {
  return {
    name: estimator.name,
    judge(structure, neighbours) {
      const list = neighbours ?? buildNeighbourList(structure, potential.cutoff);
      return { mean: potential.evaluate(structure, list), raw: estimator.estimate(structure, list), spread: null };
    },
  };
}

/** What a spread says by atom and by structure: root mean squares over components. */
export function rawOf(spread: Spread, structure: Structure): RawUncertainty {
  const atoms = structure.numbers.length;
  const forces = new Float64Array(atoms);
  for (let i = 0; i < atoms; i++) {
    const [x, y, z] = spread.forces.subarray(3 * i, 3 * i + 3);
    forces[i] = Math.sqrt((x * x + y * y + z * z) / 3);
  }
  const square = spread.strainGradient.reduce((sum, s) => sum + s * s, 0);
  const volume = volumeOf(structure);
  return {
    energy: spread.energy / atoms,
    forces,
    stress: volume === null ? null : Math.sqrt(square / 9) / volume,
  };
}

/** Å³; null unless the structure repeats in three directions. */
export function volumeOf({ cell, pbc }: Structure): number | null {
  return pbc.every((repeats) => repeats) ? cellVolume(cell) : null;
}

/**
 * A component of a force that is smaller than this, eV/Å, vanishes by symmetry: rounding is all that is left of it. There
 * predictions are right whatever the model, and say nothing of how errors go with uncertainties.
 */
const VANISHING = 1e-4;

/** Residuals of all quantities; null where no frame has the label. */
export interface AllResiduals {
  readonly energy: Residuals | null;
  readonly forces: Residuals | null;
  readonly stress: Residuals | null;
}

/** Takes residuals up, frame after frame. */
export interface ResidualCollector {
  add(frame: Frame, judged: Judged, noise: LabelNoise | null): void;
  residuals(): AllResiduals;
}

interface Pile {
  readonly errors: number[];
  readonly frames: number[];
  readonly raw: number[];
  readonly noise: number[];
  readonly fixed: number[];
}

/** An empty collection. */
export function collectResiduals(): ResidualCollector {
  const pile = (): Pile => ({ errors: [], frames: [], raw: [], noise: [], fixed: [] });
  const piles = { energy: pile(), forces: pile(), stress: pile() };
  let frames = 0;
  // One frame whose noise nobody knows, and all must do without.
  const known = { energy: true, forces: true, stress: true };
  const put = (to: Pile, errors: readonly number[], sample: { raw: number; noise: number; fixed: boolean }): void => {
    to.errors.push(...errors);
    to.frames.push(frames);
    to.raw.push(sample.raw);
    to.noise.push(sample.noise);
    to.fixed.push(sample.fixed ? 1 : 0);
  };
  return {
    add({ structure, labels }, { mean, raw }, noise) {
      const atoms = structure.numbers.length;
      const volume = volumeOf(structure);
      for (const quantity of ['energy', 'forces', 'stress'] as const) known[quantity] &&= noise?.[quantity] != null;
      if (labels.energy !== undefined) {
        const error = (mean.energy - labels.energy) / atoms;
        put(piles.energy, [error], { raw: raw.energy, noise: noise?.energy ?? 0, fixed: false });
      }
      if (labels.forces !== undefined) {
        for (let i = 0; i < atoms; i++) {
          const axes = [3 * i, 3 * i + 1, 3 * i + 2];
          const fixed = axes.some((c) => Math.abs(mean.forces[c]) < VANISHING);
          const errors = axes.map((c) => mean.forces[c] - labels.forces![c]);
          put(piles.forces, errors, { raw: raw.forces[i], noise: noise?.forces?.[i] ?? 0, fixed });
        }
      }
      if (labels.stress !== undefined && volume !== null && raw.stress !== null) {
        const errors = Array.from(labels.stress, (label, c) => mean.strainGradient[c] / volume - label);
        put(piles.stress, errors, { raw: raw.stress, noise: noise?.stress ?? 0, fixed: false });
      }
      frames++;
    },
    residuals() {
      const of = (quantity: keyof typeof piles, components: number): Residuals | null => {
        const from = piles[quantity];
        return from.raw.length === 0
          ? null
          : {
              errors: Float64Array.from(from.errors),
              components,
              frames: Int32Array.from(from.frames),
              raw: Float64Array.from(from.raw),
              noise: known[quantity] ? Float64Array.from(from.noise) : null,
              fixed: Uint8Array.from(from.fixed),
            };
      };
      return { energy: of('energy', 1), forces: of('forces', 3), stress: of('stress', 9) };
    },
  };
}

/** Frames between two moments in which other work may run. */
const TURN = 16;

/** Residuals of some frames. */
export async function judgeFrames(
  judge: Judge,
  frames: readonly Frame[],
  options: { readonly noise?: Noise | null; readonly signal?: AbortSignal | undefined } = {},
): Promise<AllResiduals> {
  const collector = collectResiduals();
  for (const [k, frame] of frames.entries()) {
    options.signal?.throwIfAborted();
    const { structure, group } = frame;
    const noise = options.noise?.of(structure, { group }) ?? null;
    collector.add(frame, judge.judge(structure), noise);
    if (k % TURN === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return collector.residuals();
}
