/** What a report says of errors. */
import type { Leakage } from '../curation/index.ts';
import type { Dataset } from '../data/index.ts';
import type { ErrorReport, ModelFile } from '../model/index.ts';
import type { ErrorReport as ErrorRows } from '../report/index.ts';
import { elementRows, errorRow, groupRows } from './report-parts.ts';

/** What was measured for it. */
export interface Measured {
  readonly test: ErrorReport | null;
  readonly strict: ErrorReport | null;
  readonly leaks: Leakage | null;
  /** Whose forces the errors are held against. */
  readonly labelled: readonly Dataset[];
}

/** Rows of errors: of the file, and as measured. */
export function errorsOf(
  { provenance: { errors } }: ModelFile,
  { test, strict, leaks, labelled }: Measured,
): ErrorRows {
  const size = forceSize(labelled);
  return {
    ...(errors.train !== null && { train: errorRow('training', errors.train) }),
    ...(errors.validation !== null && { validation: errorRow('validation', errors.validation) }),
    ...(test !== null
      ? { test: errorRow('held-out', test.overall), groups: groupRows(test), elements: elementRows(test) }
      : errors.test !== undefined && { test: errorRow('held-out', errors.test) }),
    ...(strict !== null && { leakFree: errorRow('held-out, no relatives', strict.overall) }),
    ...(leaks !== null && { related: { frames: leaks.flagged.length, of: leaks.distances.length } }),
    ...(size !== undefined && { forceSize: size }),
  };
}

/** Root mean square of the labelled force components, eV/Å. */
export function forceSize(datasets: readonly Pick<Dataset, 'frames'>[]): number | undefined {
  let square = 0;
  let count = 0;
  for (const { frames } of datasets) {
    for (const { labels } of frames) {
      for (const f of labels.forces ?? []) square += f * f;
      count += labels.forces?.length ?? 0;
    }
  }
  return count === 0 ? undefined : Math.sqrt(square / count);
}
