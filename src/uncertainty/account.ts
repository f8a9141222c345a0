/** What calibrated uncertainties are worth on labelled frames, and which frames the model does not know. */
import type { Frame } from '../data/dataset.ts';
import { type CalibrationMetrics, metricsOf } from './calibration.ts';
import type { Domain, DomainVerdict } from './domain.ts';
import type { Residuals } from './metrics.ts';
import { collectResiduals } from './residuals.ts';
import { type Caveats, domainOnly, type Uncertain, type Uncertainty } from './trusted.ts';

/** Root mean squares over samples: total² = epistemic² + aleatoric² + rest². */
export interface Parts {
  readonly total: number;
  readonly epistemic: number;
  /** Null where the noise of labels is not known. */
  readonly aleatoric: number | null;
  readonly rest: number;
}

export interface QuantityAccount {
  /** Null where no frame has the label. */
  readonly metrics: CalibrationMetrics | null;
  /**
   * The same on frames all of whose atoms are inside the domain: what intervals are meant for. Null where no such frame
   * has the label, and where the domain is not known.
   */
  readonly inside: CalibrationMetrics | null;
  /** Over all frames, labelled or not. */
  readonly parts: Parts;
}

/** A frame with atoms outside the domain. */
export interface OutsideFrame {
  /** Place in the order in which frames came, from 0. */
  readonly position: number;
  /** Number in its file, from 0, and the line there on which it starts, from 1. */
  readonly frame: number;
  readonly line: number;
  readonly atoms: number;
  /** Of the farthest atom, σ. */
  readonly distance: number;
  readonly sentence: string;
}

export interface DomainAccount {
  readonly limit: number;
  readonly framesOutside: number;
  readonly atomsOutside: number;
  /** The farthest first, ten at most. */
  readonly farthest: readonly OutsideFrame[];
}

export interface UncertaintyAccount {
  /** False: the model knows its domain at most. */
  readonly calibrated: boolean;
  readonly frames: number;
  readonly atoms: number;
  /** Null where the quantity was not calibrated. */
  readonly energy: QuantityAccount | null;
  readonly forces: QuantityAccount | null;
  readonly stress: QuantityAccount | null;
  /** Null where the model does not know its domain. */
  readonly domain: DomainAccount | null;
}

export interface Accountant {
  /** Takes a frame up; returns what the model says of it. */
  add(frame: Frame): Caveats;
  account(): UncertaintyAccount;
}

const NAMED = 10;

/** Keeps account of frames, one after another; of the domain only, where the model was not calibrated. */
export function openAccount(
  uncertainty: Uncertainty | null,
  domain: Domain | null = uncertainty?.domain ?? null,
): Accountant {
  const everywhere = collectResiduals();
  const within = collectResiduals();
  const sums = { energy: noParts(), forces: noParts(), stress: noParts() };
  const outside: OutsideFrame[] = [];
  let [frames, atoms, framesOutside, atomsOutside] = [0, 0, 0, 0];
  const noteDomain = (frame: Frame, verdict: DomainVerdict | null): void => {
    if (verdict === null || verdict.inside) return;
    const { distance } = verdict.farthest;
    framesOutside++;
    atomsOutside += verdict.outside.length;
    const { index, line } = frame;
    const found = { position: frames, frame: index, line, atoms: verdict.outside.length, distance };
    outside.push({ ...found, sentence: verdict.sentence });
    outside.sort((a, b) => b.distance - a.distance);
    outside.length = Math.min(outside.length, NAMED);
  };
  const judge = (frame: Frame, calibrated: Uncertainty): Caveats => {
    const trusted = calibrated.of(frame.structure, { group: frame.group });
    everywhere.add(frame, trusted.judged, trusted.noise);
    if (trusted.domain?.inside === true) within.add(frame, trusted.judged, trusted.noise);
    addParts(sums.energy, trusted.energyPerAtom);
    addParts(sums.stress, trusted.stress);
    const { forces } = trusted;
    for (let i = 0; forces !== null && i < frame.structure.numbers.length; i++) {
      const aleatoric = forces.aleatoric === null ? null : forces.aleatoric[i];
      addParts(sums.forces, { aleatoric, epistemic: forces.epistemic[i], rest: forces.rest });
    }
    return trusted;
  };
  return {
    add(frame) {
      const { structure } = frame;
      const caveats = uncertainty === null ? domainOnly(domain, structure) : judge(frame, uncertainty);
      noteDomain(frame, caveats.domain);
      frames++;
      atoms += structure.numbers.length;
      return caveats;
    },
    account() {
      const residuals = { all: everywhere.residuals(), inside: within.residuals() };
      const of = (quantity: 'energy' | 'forces' | 'stress'): QuantityAccount | null => {
        const law = uncertainty?.calibration[quantity] ?? null;
        if (law === null || sums[quantity].count === 0) return null;
        const metrics = (labelled: Residuals | null): CalibrationMetrics | null =>
          labelled === null ? null : metricsOf(labelled, law);
        const all = metrics(residuals.all[quantity]);
        const inside = framesOutside === 0 && domain !== null ? all : metrics(residuals.inside[quantity]);
        return { metrics: all, inside, parts: partsOf(sums[quantity]) };
      };
      return {
        ...{ calibrated: uncertainty !== null, frames, atoms },
        ...{ energy: of('energy'), forces: of('forces'), stress: of('stress') },
        domain: domain === null ? null : { limit: domain.limit, framesOutside, atomsOutside, farthest: [...outside] },
      };
    },
  };
}

/** Sums of squares. */
interface PartSums {
  count: number;
  epistemic: number;
  aleatoric: number | null;
  rest: number;
}

const noParts = (): PartSums => ({ count: 0, epistemic: 0, aleatoric: 0, rest: 0 });

function addParts(sums: PartSums, parts: Pick<Uncertain, 'epistemic' | 'aleatoric' | 'rest'> | null): void {
  if (parts === null) return;
  const { epistemic, aleatoric, rest } = parts;
  sums.count++;
  sums.epistemic += epistemic ** 2;
  sums.aleatoric = sums.aleatoric === null || aleatoric === null ? null : sums.aleatoric + aleatoric ** 2;
  sums.rest += rest ** 2;
}

function partsOf({ count, epistemic, aleatoric, rest }: PartSums): Parts {
  const root = (sum: number): number => Math.sqrt(sum / count);
  return {
    total: root(epistemic + (aleatoric ?? 0) + rest),
    epistemic: root(epistemic),
    aleatoric: aleatoric === null ? null : root(aleatoric),
    rest: root(rest),
  };
}
