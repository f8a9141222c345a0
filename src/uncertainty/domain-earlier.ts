/** What a model that a training starts from leaves of its domain. */
import type { Kernel } from '../kernels/kernels.ts';
import type { ModelFile } from '../model/model-file.ts';
import { shortRangePotential } from '../model/short-range.ts';
import type { Structure } from '../structure/structure.ts';
import { type DomainPart, type DomainRecord, decodeDomain } from './domain-record.ts';
import type { DomainSpace } from './domain-space.ts';

/** What is known from earlier trainings; see `DomainRecord`. */
export type EarlierDomain = Pick<DomainRecord, 'earlier' | 'forgets'>;

export const NOTHING_BEFORE: EarlierDomain = { earlier: [], forgets: false };

/**
 * The domain of the model before, as far as it holds for the one after. Environments are compared by their features:
 * where these are what they were to the bit (a grown model; a frozen descriptor; symmetry functions), all of it does.
 * Where the training changed them the kept environments are points of another space, and the model after knows only the
 * frames of its own training.
 * @param again.structures of the elements of the model before: the features of both are compared on these
 * @param again.all the training has all the frames of the earlier ones among its own, so that nothing is lost
 */
export function earlierDomain(
  before: ModelFile,
  after: Pick<ModelFile, 'model' | 'parts'>,
  kernel: Kernel,
  again: { readonly structures: readonly Structure[]; readonly all: boolean },
): EarlierDomain {
  const lost: EarlierDomain = { earlier: [], forgets: !again.all };
  const [old, now] = [before, after].map(({ model }) => shortRangePotential(model, kernel));
  try {
    if (before.domain === null) return lost;
    let dimension = 0;
    for (const structure of again.structures) {
      const [x, y] = [old, now].map((potential) => potential.engine.features(potential.system(structure)));
      if (x.length !== y.length || x.some((value, k) => !Object.is(value, y[k]))) return lost;
      dimension = x.length / structure.numbers.length;
    }
    if (dimension === 0) return lost;
    const { earlier, forgets, ...last } = decodeDomain(before.domain, before.model.elements, dimension);
    const { elements } = after.model;
    return { earlier: [last, ...earlier].map((part) => forElements(part, before.model.elements, elements)), forgets };
  } finally {
    old.close();
    now.close();
  }
}

/** The same for more elements, of which nothing is known. */
function forElements(part: DomainPart, from: readonly number[], to: readonly number[]): DomainPart {
  const { dimension: F, mean, factors, kept, environments, units } = part.space;
  const places = to.map((z) => from.indexOf(z));
  const spread = <T>(values: readonly T[], absent: T): T[] => places.map((s) => (s < 0 ? absent : values[s]));
  const identity = Float64Array.from({ length: F * F }, (_, at) => (at % (F + 1) === 0 ? 1 : 0));
  const space: DomainSpace = {
    dimension: F,
    mean: Float64Array.from({ length: to.length * F }, (_, at) => {
      const s = places[Math.floor(at / F)];
      return s < 0 ? 0 : mean[s * F + (at % F)];
    }),
    // One whitening for all elements stays that.
    factors: factors.length === from.length ? spread(factors, identity) : factors,
    kept: spread(kept, { points: new Float32Array(0), origin: new Int32Array(0) }),
    environments: spread(environments, 0),
    units: { nearest: spread(units.nearest, 1), mahalanobis: spread(units.mahalanobis, 1) },
  };
  const { crowding } = part;
  return { ...part, space, ...(crowding && { crowding: spread(crowding, { ranges: [], margin: 1 }) }) };
}
