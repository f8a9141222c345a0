/** A training step in fixed point, whatever the descriptor: who overflows goes again in coarser units. */
import type { LossTerm, TermErrors } from '../kernels.ts';

/** What a descriptor does of a step. */
export interface TermRunner {
  /** Units per eV/Å, finest first. */
  readonly scales: readonly number[];
  /** Runs the terms; returns the numbers of those whose forces were too large for this scale. */
  run(terms: readonly LossTerm[], scale: number): number[];
  /** Adds the gradient of the terms of the last run, summed in their order. */
  addGradient(count: number, gradient: Float64Array): void;
  /** Residuals of a term of the last run. */
  readErrors(term: number): TermErrors;
}

/** See `KernelModel.accumulate`. A term whose forces are beyond every unit adds no gradient, and has NaN for errors. */
export function accumulateTerms(runner: TermRunner, terms: readonly LossTerm[], gradient: Float64Array): TermErrors[] {
  const { scales, run, addGradient, readErrors } = runner;
  if (terms.length === 0) return [];
  const tooLarge = run(terms, scales[0]);
  const errors = terms.map((_, k) => readErrors(k));
  if (tooLarge.length === 0) {
    addGradient(terms.length, gradient);
    return errors;
  }
  // Rare: the terms that overflowed go again, alone, in coarser units; all others as they are.
  const fine = terms.filter((_, k) => !tooLarge.includes(k));
  if (fine.length > 0) {
    run(fine, scales[0]);
    addGradient(fine.length, gradient);
  }
  for (const k of tooLarge) {
    const scale = scales.slice(1).find((s) => run([terms[k]], s).length === 0);
    if (scale === undefined) {
      errors[k] = { energy: Number.NaN, forces: Number.NaN, strain: Number.NaN };
      continue;
    }
    errors[k] = readErrors(0);
    addGradient(1, gradient);
  }
  return errors;
}
