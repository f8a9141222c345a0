/** Uncertainty along a simulation: looked at now and then, told at the end. */
import type { MdSample } from '../md/index.ts';
import { formatNumber } from '../report/index.ts';
import { type Caveats, type Domain, domainOnly, NOT_CALIBRATED, type Uncertainty } from '../uncertainty/index.ts';

/**
 * Moments at which it is looked at, at most; and steps between them, at least. A look costs some six steps, nearly all of
 * it for the nearest training environment: a run may cost 5 % more. A guard may cost more, and must not come too late.
 */
const MOST_MOMENTS = 200;
const LEAST_STEPS = { watch: 100, guard: 20 };

export interface UncertaintySummary {
  readonly calibrated: boolean;
  /** Moments that were looked at. */
  readonly moments: number;
  /** σ of the force components of the most uncertain atom ever, and the mean over atoms and moments, eV/Å. */
  readonly max: number | null;
  readonly mean: number | null;
  /** Null where the model does not know its domain. */
  readonly domain: {
    /** Share of the moments with atoms outside. */
    readonly share: number;
    /** When that was first seen, fs; null: never. */
    readonly firstTime: number | null;
    readonly sentence: string | null;
  } | null;
}

export interface UncertaintyWatch {
  /** Looks at the sample if it is due; null where not. */
  look(sample: MdSample, last: boolean): Caveats | null;
  summary(): UncertaintySummary;
}

/** Watches a simulation of so many steps; whether it stays in the domain only, where the model was not calibrated. */
export function watchUncertainty(
  { uncertainty, domain }: { readonly uncertainty: Uncertainty | null; readonly domain: Domain | null },
  steps: number,
  purpose: 'watch' | 'guard',
): UncertaintyWatch {
  const stride = Math.max(LEAST_STEPS[purpose], Math.ceil(steps / MOST_MOMENTS));
  let due = 0;
  let [moments, atoms, sum, max, outside] = [0, 0, 0, 0, 0];
  let first: { readonly time: number; readonly sentence: string } | null = null;
  return {
    look({ step, time, state }, last) {
      if (step < due && !last) return null;
      due = step + stride;
      const { structure, neighbours } = state;
      const caveats = uncertainty?.of(structure, { neighbours }) ?? domainOnly(domain, structure, neighbours);
      moments++;
      for (const sigma of caveats.forces?.total ?? []) {
        atoms++;
        sum += sigma;
        max = Math.max(max, sigma);
      }
      if (caveats.domain?.inside === false) {
        outside++;
        first ??= { time, sentence: caveats.domain.sentence };
      }
      return caveats;
    },
    summary: () => ({
      calibrated: uncertainty !== null,
      moments,
      max: atoms === 0 ? null : max,
      mean: atoms === 0 ? null : sum / atoms,
      domain:
        domain === null
          ? null
          : {
              share: moments === 0 ? 0 : outside / moments,
              firstTime: first?.time ?? null,
              sentence: first?.sentence ?? null,
            },
    }),
  };
}

/** Keys of the JSON document; null where the model was not calibrated. */
export function watchDocument(summary: UncertaintySummary): object {
  return {
    uncertainty_moments: summary.moments,
    force_uncertainty_max_eV_per_A: summary.max,
    force_uncertainty_mean_eV_per_A: summary.mean,
    outside_domain_share: summary.domain?.share ?? null,
    outside_domain_first_fs: summary.domain?.firstTime ?? null,
  };
}

export function describeWatch({ calibrated, moments, max, mean, domain }: UncertaintySummary): string[] {
  const lines = calibrated ? [] : [`uncertainty: ${NOT_CALIBRATED}`];
  if (max !== null) {
    const [usual, most] = [mean, max].map((sigma) => formatNumber(1000 * sigma!));
    lines.push(`uncertainty of forces (σ) at ${moments} moments: mean ${usual}, largest ${most} meV/Å`);
  }
  if (domain !== null) {
    lines.push(
      domain.firstTime === null
        ? `all atoms were within the training domain at ${moments} moments`
        : `atoms outside the training domain at ${(100 * domain.share).toFixed(0)} % of ${moments} moments, ` +
            `first after ${formatNumber(domain.firstTime)} fs: ${domain.sentence}`,
    );
  }
  return lines;
}
