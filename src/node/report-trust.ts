/** From a model file and labelled frames to what a report says of uncertainty, domain and method. */
import { environmentMap } from '../curation/index.ts';
import type { Dataset, Frame } from '../data/index.ts';
import type { Kernel } from '../kernels/kernels.ts';
import type { Json, LoadedPotential, ModelFile } from '../model/index.ts';
import {
  type DomainReport,
  type MethodFacts,
  type QuantityUncertainty,
  type UncertaintyOn,
  type UncertaintyReport,
  uncertaintyScatter,
} from '../report/index.ts';
import {
  type AllResiduals,
  committeeJudge,
  type Domain,
  decodeCalibration,
  freeOf,
  judgeFrames,
  type Law,
  metricsOf,
  openUncertainty,
  type QuantityCalibration,
  type Residuals,
  reliability,
  scores,
  sigmaOf,
  type Uncertainty,
} from '../uncertainty/index.ts';

/** More frames than this are drawn from evenly. */
const MOST_FRAMES = 2000;
/** The spread as it is, where nobody calibrated it. */
const RAW: Law = { ...{ floor: 0, scale: 1, tails: null }, ...{ noise: false, intervals: [] } };
const QUANTITIES = ['energy', 'forces', 'stress'] as const;

/**
 * What the model says of its errors, beside the errors on some frames that it was not trained on; null for a model that
 * says nothing: one head, and no calibration.
 */
export async function uncertaintyOf(
  file: ModelFile,
  potential: LoadedPotential,
  frames: readonly Frame[],
  signal?: AbortSignal,
): Promise<UncertaintyReport | null> {
  const calibration = decodeCalibration(file.calibration);
  const trusted = openUncertainty(file, potential);
  if (trusted === null && potential.members < 2) return null;
  const judge = trusted?.judge ?? committeeJudge(potential, 'heads');
  const given = thinned(frames);
  const options = { noise: trusted?.noise ?? null, signal };
  const residuals = given.length === 0 ? null : await judgeFrames(judge, given, options);
  const lawOf = (quantity: (typeof QUANTITIES)[number]): QuantityCalibration | Law | null =>
    calibration === null ? RAW : calibration[quantity];
  const quantities = QUANTITIES.map((quantity) => {
    const heldOut = heldOutOf(calibration?.[quantity] ?? null);
    const shown = givenOf(residuals?.[quantity] ?? null, lawOf(quantity), given.length);
    const sets: QuantityUncertainty = { ...(heldOut && { heldOut }), ...(shown && { given: shown }) };
    return [quantity, sets] as const;
  });
  const law = lawOf('forces');
  return {
    estimator: `spread of ${potential.members} heads`,
    calibrated: calibration !== null,
    ...(calibration === null
      ? { remark: 'nearsight calibrate MODEL DATA calibrates it.' }
      : { heldOut: { ...calibration.heldOut, how: '' } }),
    ...Object.fromEntries(quantities.filter(([, sets]) => Object.keys(sets).length > 0)),
    ...(residuals?.forces != null && law !== null && forcesOf(residuals.forces, law)),
    ...partsOf(residuals, trusted),
  };
}

function thinned(frames: readonly Frame[]): readonly Frame[] {
  const count = Math.min(frames.length, MOST_FRAMES);
  return Array.from({ length: count }, (_, k) => frames[Math.floor((k * frames.length) / count)]);
}

function heldOutOf(law: QuantityCalibration | null): UncertaintyOn | undefined {
  return law === null ? undefined : { frames: law.frames.heldOut, reliability: law.reliability, metrics: law.metrics };
}

function givenOf(all: Residuals | null, law: Law | null, frames: number): UncertaintyOn | undefined {
  const metrics = all === null || law === null ? null : metricsOf(all, law);
  if (all === null || law === null || metrics === null) return undefined;
  const free = freeOf(all);
  const z = scores(free.errors, sigmaOf(law, free));
  return { frames, reliability: reliability(z, law.tails ?? Number.POSITIVE_INFINITY), metrics };
}

/** Every component of the force on an atom has the σ of the atom. */
function forcesOf(all: Residuals, law: Law): Pick<UncertaintyReport, 'scatter'> {
  const free = freeOf(all);
  const byAtom = sigmaOf(law, free);
  const sigma = free.errors.map((_, c) => byAtom[Math.floor(c / free.components)]);
  return sigma.length > 0 && sigma.every((s) => s > 0) ? { scatter: uncertaintyScatter(sigma, free.errors) } : {};
}

/** Root mean squares over the atoms; only where both are known. */
function partsOf(residuals: AllResiduals | null, trusted: Uncertainty | null): Pick<UncertaintyReport, 'forceParts'> {
  const law = trusted?.calibration.forces ?? null;
  const forces = residuals?.forces ?? null;
  if (law === null || forces === null || forces.noise === null) return {};
  const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
  return { forceParts: { epistemic: law.scale * rms(forces.raw), aleatoric: rms(forces.noise) } };
}

/** Frames that are named. */
const NAMED = 6;

/** Where some frames lie beside the domain of the model; with a map where the training data are at hand. */
export function domainOf(
  domain: Domain,
  given: readonly Dataset[],
  training: { readonly frames: readonly Frame[]; readonly kernel: Kernel } | null,
): DomainReport {
  const found = given.flatMap(({ frames, source }) =>
    frames.map((frame) => ({ frame, source, verdict: domain.verdict(frame.structure) })),
  );
  const outside = found.filter(({ verdict }) => !verdict.inside);
  const worst = outside.toSorted((p, q) => q.verdict.farthest.distance - p.verdict.farthest.distance);
  const frames = found.map(({ frame }) => frame);
  const atomsOutside = found.map(({ verdict }) => new Set(verdict.outside.map(({ atom }) => atom)));
  const map = training === null ? null : mapOf(training, frames, atomsOutside);
  return {
    limit: domain.limit,
    frames: frames.length,
    atoms: frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0),
    framesOutside: outside.length,
    atomsOutside: atomsOutside.reduce((sum, atoms) => sum + atoms.size, 0),
    sentences: worst.slice(0, NAMED).map(({ frame, source, verdict }) => {
      const group = frame.group === '' ? '' : ` (${frame.group})`;
      return `Frame ${frame.index} of ${baseName(source)}${group}: ${verdict.sentence}`;
    }),
    ...(map !== null && { map }),
  };
}

const baseName = (path: string): string => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);

function mapOf(
  { frames: training, kernel }: { readonly frames: readonly Frame[]; readonly kernel: Kernel },
  given: readonly Frame[],
  outside: readonly ReadonlySet<number>[],
): DomainReport['map'] | null {
  const map = environmentMap([...training, ...given], kernel);
  if (map === null) return null;
  const part = (wanted: (point: number) => boolean): { x: number[]; y: number[] } => {
    const points = map.x.map((_, point) => point).filter(wanted);
    return { x: points.map((point) => map.x[point]), y: points.map((point) => map.y[point]) };
  };
  const isGiven = (point: number): boolean => map.frame[point] >= training.length;
  const isOutside = (point: number): boolean =>
    isGiven(point) && outside[map.frame[point] - training.length].has(map.atom[point]);
  return {
    training: part((point) => !isGiven(point)),
    inside: part((point) => isGiven(point) && !isOutside(point)),
    outside: part(isOutside),
    explained: map.explained,
  };
}

/** What a methods section says of the model and its training. */
export function methodOf(file: ModelFile, more: Partial<MethodFacts> = {}): MethodFacts {
  const { model, provenance, parts, settings } = file;
  const training = valueAt(settings, 'training');
  const loss = valueAt(training, 'loss');
  const [energy, forces, stress] = QUANTITIES.map((quantity) => numberAt(loss, quantity));
  const method = valueAt(valueAt(training, 'optimiser'), 'method');
  const kept = numberAt(settings, 'best_epoch');
  const { shape } = model;
  return {
    descriptor: model.kind,
    cutoff: shape.cutoff,
    ...(model.kind === 'density' && densityFacts(model.shape)),
    hidden: shape.hidden,
    heads: shape.heads,
    ...bootstrapFacts(training, shape.heads),
    weights: model.parameters.length,
    ...(parts.repulsion !== null && { repulsion: 'ZBL' as const }),
    ...(energy !== undefined &&
      forces !== undefined &&
      stress !== undefined && {
        loss: { energy, forces, stress, ...optional('energyRise', numberAt(loss, 'energyRise')) },
      }),
    ...((method === 'soap' || method === 'adam') && { optimiser: method }),
    ...optional('rate', numberAt(training, 'rate')),
    ...optional('batch', numberAt(training, 'batch')),
    epochs: provenance.epochs,
    ...optional('keptEpoch', kept),
    seed: provenance.seed,
    version: provenance.nearsightVersion,
    training: provenance.split.train,
    validation: provenance.split.validation,
    split: provenance.split.description,
    sources: provenance.dataset,
    ...(provenance.levels !== undefined && { levelOfTheory: provenance.levels.target }),
    ...more,
  };
}

/** As the settings of the training say; models from before these were recorded say nothing. */
function bootstrapFacts(training: Json | undefined, heads: number): Pick<MethodFacts, 'bootstrapped' | 'sharedLayers'> {
  if (heads < 2) return {};
  if (valueAt(valueAt(training, 'model'), 'sharedLayers') === true) return { sharedLayers: true };
  return valueAt(training, 'bootstrap') === 'poisson' ? { bootstrapped: true } : {};
}

function densityFacts(shape: {
  readonly radial: number;
  readonly lmax: number;
  readonly order: number;
  readonly channels: number;
  readonly directForces?: boolean;
}): Partial<MethodFacts> {
  const { radial, lmax, order, channels, directForces } = shape;
  return { radial, lmax, channels, bodyOrder: order + 1, ...(directForces === true && { directForces }) };
}

function valueAt(value: Json | undefined, key: string): Json | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return (value as { readonly [name: string]: Json })[key];
}

function numberAt(value: Json | undefined, key: string): number | undefined {
  const found = valueAt(value, key);
  return typeof found === 'number' ? found : undefined;
}

function optional<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };
}
