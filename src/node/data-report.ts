/** Everything that the page about a data set shows, found out. */
import {
  type AnalysisProgress,
  analyseOutliers,
  type DataPortrait,
  describeOutlier,
  type Inspection,
  inspectDataset,
  type OutlierAnalysis,
  portraitOf,
} from '../curation/index.ts';
import type { Dataset } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';

export interface DataStudy {
  readonly inspection: Inspection;
  /** Null where it was not asked for, or the labels do not bear a fit. */
  readonly outliers: OutlierAnalysis | null;
  /** Why there is no analysis of outliers although it was asked for. */
  readonly refusal: NearsightError | null;
  readonly portrait: DataPortrait;
}

/** The doctor's findings, the influence of the labels unless told otherwise, and what is drawn of the data. */
export async function* studyData(
  dataset: Dataset,
  kernel: Kernel,
  options: { readonly influence?: boolean; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<AnalysisProgress, DataStudy> {
  const { influence = true, signal } = options;
  const inspection = inspectDataset(dataset, kernel);
  let outliers: OutlierAnalysis | null = null;
  let refusal: NearsightError | null = null;
  try {
    if (influence) outliers = yield* analyseOutliers(dataset.frames, kernel, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    refusal = error;
  }
  signal?.throwIfAborted();
  if (outliers === null)
    return { inspection, outliers, refusal, portrait: portraitOf(dataset, inspection, { kernel }) };
  const named = outliers.outliers.map((outlier) => ({
    frame: outlier.frame,
    atom: outlier.atom ?? null,
    reason: describeOutlier(outlier, dataset.frames[outlier.frame]),
  }));
  const drawn = { kernel, influence: { atoms: outliers.atoms, outliers: named } };
  return { inspection, outliers, refusal, portrait: portraitOf(dataset, inspection, drawn) };
}
