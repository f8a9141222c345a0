/** From errors at several radii to a cutoff. Theory: docs/theory/locality.md. */

/** An error may be larger than the lowest one by this share of it, and still be called the same. */
export const TOLERANCE = 0.05;
/** Å; farther than this beyond the recommended cutoff the errors must have been looked at. */
export const BEYOND = 1;

/** Errors against the radius of the sphere that a model sees. */
export interface ErrorCurve {
  /** Å, ascending. */
  readonly radii: readonly number[];
  /** Of each radius, in any unit. */
  readonly errors: readonly number[];
  /** Standard errors of the difference to the lowest error, in the same unit; zeros when absent. */
  readonly uncertainty?: readonly number[];
}

export interface Saturation {
  /** The smallest radius whose error is the lowest one to within 5 % or its standard error, Å. */
  readonly radius: number;
  /** Where the error is lowest, Å, and what it is there. */
  readonly lowestAt: number;
  readonly lowest: number;
  /** Whether an ångström or more beyond `radius` was looked at and brought nothing; else the errors may go on falling. */
  readonly saturated: boolean;
}

/** Where a curve of errors stops to fall. */
export function saturationOf({ radii, errors, uncertainty }: ErrorCurve): Saturation {
  const lowest = Math.min(...errors);
  const at = errors.indexOf(lowest);
  const first = errors.findIndex((error, k) => error - lowest <= Math.max(TOLERANCE * lowest, uncertainty?.[k] ?? 0));
  return {
    radius: radii[first],
    lowestAt: radii[at],
    lowest,
    saturated: radii[radii.length - 1] - radii[first] >= BEYOND - 1e-9,
  };
}
