/** What is expected of the coefficients before any label is seen. */
import { featureCount, invariantCount } from '../../kernels/kernels.ts';
import type { DescriptorSettings } from '../linear/descriptor.ts';
import type { LinearModel } from '../linear/linear-model.ts';
import type { LevelSums } from './levels.ts';

/**
 * The descriptor for fits of several levels. Radial functions are few and fade from the start, for both make smooth
 * features: of what was tried they had the highest likelihood of cheap labels. Docs: multi-fidelity.md.
 */
export const FIDELITY_DESCRIPTOR: DescriptorSettings = { cutoff: 4, onset: 0.5, radial: 4, channels: 24, seed: 1 };
/** Coefficients of features up to which a fit of two levels takes seconds. */
const MOST_FEATURES = 440;

/** Channels, a multiple of 4 and at most those of `FIDELITY_DESCRIPTOR`, that keep fits of so many species and levels fast. */
export function channelsFor(species: number, levels: number): number {
  const sets = species <= 4 ? species : 1;
  const most = (2 * MOST_FEATURES) / Math.max(2, levels) / (sets * featureCount({ ...ONE_CHANNEL, channels: 1 }));
  return Math.max(4, Math.min(FIDELITY_DESCRIPTOR.channels, 4 * Math.floor(most / 4)));
}

/** A feature of body order ν + 1 is expected to be worth this much of the force of one of order ν. */
const EACH_ORDER = 0.2;
const [LMAX, ORDER] = [3, 4] as const;
const ONE_CHANNEL = {
  ...{ species: 1, radial: 4, lmax: LMAX, order: ORDER, hidden: [4, 4] as const, heads: 1 },
  ...{ cutoff: 4, onset: 1 },
};

/**
 * √D of each feature: a feature is expected to contribute the same force as any other of its body order, 0.2 times as
 * much for each order above the second. So features that change fast with positions have small coefficients, and the
 * fit is smooth where labels are few. From geometries alone: the rows of forces, or of energies where there are none.
 */
export function dampingOf(
  { descriptor, mean, group, parameters }: LinearModel,
  levels: readonly LevelSums[],
): Float64Array {
  const K = descriptor.shape.channels;
  const F = mean.length;
  const P = parameters;
  const roughness = new Float64Array(P - group.length);
  let rows = 0;
  const forces = levels.some(({ kinds }) => kinds.some(({ kind }) => kind === 'forces')) ? 'forces' : 'energy';
  for (const { kinds } of levels) {
    for (const sums of kinds) {
      if (sums.kind !== forces) continue;
      rows += sums.rows;
      for (let a = 0; a < roughness.length; a++) roughness[a] += sums.gram[a * P + a];
    }
  }
  const largest = Math.sqrt(Math.max(...roughness) / rows);
  return roughness.map((sum, a) => {
    const order = bodyOrder(Math.floor((a % F) / K));
    return (EACH_ORDER ** (order - 1) * largest) / Math.max(Math.sqrt(sum / rows), LEAST_ROUGHNESS * largest);
  });
}

/** A feature that hardly ever changes is not expected to have a coefficient without limit. */
const LEAST_ROUGHNESS = 1e-3;

/** ν of invariant p: see the contract of kernels. */
function bodyOrder(p: number): number {
  if (p === 0) return 1;
  if (p <= LMAX) return 2;
  return p < invariantCount(LMAX, ORDER) - 1 ? 3 : 4;
}
