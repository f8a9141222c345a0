/** The front door: what a model says, how uncertain it is of that, and whether it knows such structures at all. */
import { NearsightError } from '../errors.ts';
import type { LoadedPotential } from '../model/load.ts';
import type { ModelFile } from '../model/model-file.ts';
import type { Evaluation } from '../model/potential.ts';
import { buildNeighbourList, type NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { type Calibration, intervalFactor, type QuantityCalibration } from './calibration.ts';
import { decodeCalibration } from './calibration-file.ts';
import { type Domain, type DomainVerdict, openDomain } from './domain.ts';
import { type LabelNoise, type Noise, openNoise } from './noise.ts';
import { committeeJudge, type Judge, type Judged } from './residuals.ts';

/** Standard deviations of one number: total² = epistemic² + aleatoric² + rest². */
export interface Uncertain {
  /** Of the error of a prediction, as seen by a new label. */
  readonly total: number;
  /** What the model doesn't know: more data of this kind would cure it. */
  readonly epistemic: number;
  /** What no data of this kind cure, noise of the labels first of all; null where it is not told apart: then it is in `rest`. */
  readonly aleatoric: number | null;
  /** What neither of them sees. */
  readonly rest: number;
  /** Half width of the interval that holds nine of ten labels; null where too few frames were held out for it. */
  readonly interval90: number | null;
}

/** The same by atom, [N], of each component of its force, eV/Å. */
export interface UncertainForces {
  readonly total: Float64Array;
  readonly epistemic: Float64Array;
  readonly aleatoric: Float64Array | null;
  readonly rest: number;
  readonly interval90: Float64Array | null;
  /** Calibrated spread of each component, [3N]: the direction in which the members disagree. Null without members. */
  readonly vectors: Float64Array | null;
}

/** A prediction with all that is known of its uncertainty. */
export interface TrustedPrediction {
  readonly mean: Evaluation;
  /** Of the energy per atom, eV/atom; null where energies were not calibrated. */
  readonly energyPerAtom: Uncertain | null;
  readonly forces: UncertainForces | null;
  /** Of each component of the stress, eV/Å³; null also where there is no volume. */
  readonly stress: Uncertain | null;
  /** Null where the model does not know its domain. */
  readonly domain: DomainVerdict | null;
  /** What the above was made from: the uncertainty before calibration, and the noise of labels. */
  readonly judged: Judged;
  readonly noise: LabelNoise | null;
}

/** What is to be said beside a prediction. */
export type Caveats = Pick<TrustedPrediction, 'energyPerAtom' | 'forces' | 'domain'>;

export interface TrustedOptions {
  readonly neighbours?: NeighbourList | undefined;
  /** Group of training frames whose noise of labels is meant. */
  readonly group?: string | undefined;
}

/** A calibrated model, ready to be asked. */
export interface Uncertainty {
  readonly calibration: Calibration;
  readonly judge: Judge;
  readonly domain: Domain | null;
  readonly noise: Noise | null;
  of(structure: Structure, options?: TrustedOptions): TrustedPrediction;
  /** Only the total σ of the force components by atom, [N], eV/Å; null where forces were not calibrated. */
  forces(structure: Structure, neighbours?: NeighbourList): Float64Array | null;
}

/**
 * The uncertainty of a model, as its file says it was calibrated; null where it was not, for then the spread of heads is
 * no statement about errors.
 * @throws NearsightError `bad-model-file`, and what `openDomain` and `openNoise` throw
 */
export function openUncertainty(file: ModelFile, potential: LoadedPotential): Uncertainty | null {
  const calibration = decodeCalibration(file.calibration);
  if (calibration === null) return null;
  const judge = judgeOf(calibration, potential);
  const domain = openDomain(file.domain, potential);
  const noise = openNoise(file.noise, potential);
  return {
    ...{ calibration, judge, domain, noise },
    of(structure, { neighbours, group } = {}) {
      const list = neighbours ?? buildNeighbourList(structure, potential.cutoff);
      const judged = judge.judge(structure, list);
      const known = { neighbours: list, evaluation: judged.mean };
      const labels = noise?.of(structure, { ...known, ...(group !== undefined && { group }) }) ?? null;
      return {
        mean: judged.mean,
        ...uncertaintiesOf(calibration, judged, labels),
        domain: domain?.verdict(structure, list) ?? null,
        ...{ judged, noise: labels },
      };
    },
    forces(structure, neighbours) {
      const list = neighbours ?? buildNeighbourList(structure, potential.cutoff);
      const judged = judge.judge(structure, list);
      // Noise costs time, and few laws use it.
      const labels = calibration.forces?.noise
        ? noise?.of(structure, { neighbours: list, evaluation: judged.mean })
        : null;
      return uncertainForces(calibration.forces, judged, labels ?? null)?.total ?? null;
    },
  };
}

/** What a model that was not calibrated can say: whether it knows such structures. */
export function domainOnly(domain: Domain | null, structure: Structure, neighbours?: NeighbourList): Caveats {
  return { energyPerAtom: null, forces: null, domain: domain?.verdict(structure, neighbours) ?? null };
}

/** Why a model says nothing of its uncertainty, for a person. */
export const NOT_CALIBRATED =
  'not calibrated: the model says nothing of its uncertainty; with several heads, nearsight calibrate MODEL DATA mends that';

function judgeOf({ estimator }: Calibration, potential: LoadedPotential): Judge {
  if (estimator === 'heads' && potential.members > 1) return committeeJudge(potential, 'heads');
  const found = potential.members === 1 ? 'one head' : `${potential.members} heads`;
  throw new NearsightError('bad-model-file', `calibrated for the estimator "${estimator}", the model has ${found}`, {
    hint: 'calibrate the model anew with nearsight calibrate',
    place: { field: 'calibration.estimator' },
  });
}

/** Calibrated uncertainties of one judged structure. */
export function uncertaintiesOf(
  calibration: Pick<Calibration, 'energy' | 'forces' | 'stress'>,
  judged: Judged,
  noise: LabelNoise | null,
): Pick<TrustedPrediction, 'energyPerAtom' | 'forces' | 'stress'> {
  const { energy, stress } = judged.raw;
  return {
    energyPerAtom: uncertain(calibration.energy, energy, noise?.energy ?? null),
    forces: uncertainForces(calibration.forces, judged, noise),
    stress: stress === null ? null : uncertain(calibration.stress, stress, noise?.stress ?? null),
  };
}

function uncertain(law: QuantityCalibration | null, raw: number, learned: number | null): Uncertain | null {
  if (law === null) return null;
  const noise = law.noise ? learned : null;
  const epistemic = law.scale * raw;
  const total = Math.hypot(epistemic, noise ?? 0, law.floor);
  const factor = intervalFactor(law, 0.9);
  return { total, epistemic, aleatoric: noise, rest: law.floor, interval90: factor === null ? null : factor * total };
}

function uncertainForces(
  law: QuantityCalibration | null,
  { raw, spread }: Judged,
  noise: LabelNoise | null,
): UncertainForces | null {
  if (law === null) return null;
  const { scale, floor } = law;
  const factor = intervalFactor(law, 0.9);
  const aleatoric = law.noise ? (noise?.forces ?? null) : null;
  const epistemic = raw.forces.map((u) => scale * u);
  const total = epistemic.map((e, i) => Math.hypot(e, aleatoric?.[i] ?? 0, floor));
  return {
    ...{ total, epistemic, aleatoric, rest: floor },
    interval90: factor === null ? null : total.map((sigma) => factor * sigma),
    vectors: spread === null ? null : spread.forces.map((s) => scale * s),
  };
}
