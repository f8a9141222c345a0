import type { Dataset } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import { type ErrorReport, type EvaluateProgress, evaluateFrames } from '../model/index.ts';
import type { Potential } from '../model/potential.ts';

/** Reference–prediction pairs that are kept for plots: all of them in most data sets. */
const PAIRS = 100_000;

/**
 * Errors of a potential on several data sets together, as `evaluateFrames` finds them; a frame that cannot be evaluated
 * is named with its file.
 */
export async function* evaluateDatasets(
  potential: Potential,
  datasets: readonly Dataset[],
  signal?: AbortSignal,
): AsyncGenerator<EvaluateProgress, ErrorReport> {
  const frames = datasets.flatMap((dataset) => dataset.frames);
  const sources = datasets.flatMap(({ frames, source }) => frames.map(() => source));
  const run = evaluateFrames(potential, frames, { parity: PAIRS, ...(signal && { signal }) });
  for (let done = 0; ; done++) {
    try {
      const next = await run.next();
      if (next.done) return next.value;
      yield next.value;
    } catch (error) {
      if (!(error instanceof NearsightError)) throw error;
      const { code, message, hint, place } = error;
      throw new NearsightError(code, message, { hint, place: { path: sources[done], ...place }, cause: error });
    }
  }
}
