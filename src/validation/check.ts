import type { Frame } from '../data/dataset.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import type { Structure } from '../structure/structure.ts';

/** How precisely a potential computes: `single` for kernels that keep 24 bits of energies and forces. */
export type Precision = 'double' | 'single';

/** What the checks are run on. */
export interface CheckContext {
  readonly potential: Potential;
  /** A few small ones, representative of what the potential is for: labelled frames, or crystals. */
  readonly structures: readonly Structure[];
  /** Every check draws from a fresh generator with this seed, so that its result does not depend on the others. */
  readonly seed: number;
  readonly precision: Precision;
  /** Highest temperature of the training data, K; 300 when absent. */
  readonly temperature?: number;
  /** A crystal or molecule that is known to be at rest: the minimum that structures must relax back to. */
  readonly minimum?: Structure;
  /** Labelled frames that the potential was not trained on. */
  readonly labelled?: readonly Frame[];
  /** For checks that fit models of their own to `labelled`. */
  readonly kernel?: Kernel;
  readonly signal?: AbortSignal;
}

/** What a check found: a number, and where or what in words. */
export interface Finding {
  readonly value: number;
  readonly detail?: string;
  /** What the number was read from, for figures. */
  readonly curves?: readonly CheckCurve[];
}

/** A line of a figure: plain data. */
export interface CheckCurve {
  /** `Si–Si`. */
  readonly name: string;
  /** Name and unit of either axis: `distance, Å`. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Why a check has nothing to say. */
export interface Skipped {
  readonly skipped: string;
}

/** What a check is about; a table shows checks of one group together. `own` is a user's. */
export type CheckGroup = 'symmetry' | 'derivatives' | 'locality' | 'curves' | 'dynamics' | 'own';

/** One question put to a potential. It passes when the value it finds does not exceed the limit. */
export interface Check {
  readonly id: string;
  /** `own` when absent. */
  readonly group?: CheckGroup;
  readonly question: string;
  /** Unit of value and limit. Where a value is the larger of two quantities, both units are named. */
  readonly unit: string;
  readonly limit: Readonly<Record<Precision, number>>;
  /** Where the limits come from. */
  readonly limitReason: string;
  /** The theorem, paper or convention behind the question. */
  readonly source: string;
  /** Holds by itself where forces are the gradient of an energy, and only there. */
  readonly asksForGradient?: true;
  /** Takes many seconds: left out where a quick answer is asked for. */
  readonly slow?: true;
  run(context: CheckContext): Promise<Finding | Skipped>;
}

/** What came of a check: plain data. */
export interface CheckResult {
  readonly id: string;
  readonly group: CheckGroup;
  readonly question: string;
  readonly unit: string;
  /** Absent when skipped, or when no number could be had. */
  readonly value?: number;
  readonly limit: number;
  readonly limitReason: string;
  readonly source: string;
  readonly verdict: 'pass' | 'fail' | 'skipped';
  /** What was found and where; or why it was skipped. */
  readonly reason: string;
  readonly curves?: readonly CheckCurve[];
}

/**
 * Runs checks one by one, yields each result and returns all of them. A potential that refuses a structure or
 * explodes fails the check; it does not end the run.
 * @throws NearsightError `no-structures`, `unknown-species`; `signal`'s reason when it fires between two checks
 */
export async function* runChecks(
  checks: readonly Check[],
  context: CheckContext,
): AsyncGenerator<CheckResult, CheckResult[]> {
  checkStructures(context);
  const results: CheckResult[] = [];
  for (const check of checks) {
    context.signal?.throwIfAborted();
    const result = await judge(check, context);
    results.push(result);
    yield result;
    await giveTurn();
  }
  return results;
}

const NO_GRADIENT = 'the forces of this model come from a head of their own: they are no gradient of its energy';

async function judge(check: Check, context: CheckContext): Promise<CheckResult> {
  const { id, group = 'own', question, unit, limitReason, source } = check;
  const limit = check.limit[context.precision];
  const row = { id, group, question, unit, limit, limitReason, source };
  const expected = check.asksForGradient === true && context.potential.conservative === false;
  const failure = (why: string) => ({ verdict: 'fail', reason: expected ? `${why}; ${NO_GRADIENT}` : why }) as const;
  try {
    const outcome = await check.run(context);
    if ('skipped' in outcome) return { ...row, verdict: 'skipped', reason: outcome.skipped };
    const { value, detail = '', curves } = outcome;
    const figure = curves === undefined ? {} : { curves };
    if (!Number.isFinite(value)) return { ...row, ...failure(`the result is ${value}; ${detail}`), ...figure };
    if (value <= limit) return { ...row, value, verdict: 'pass', reason: detail, ...figure };
    return { ...row, value, ...failure(detail), ...figure };
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    return { ...row, ...failure(error.message) };
  }
}

function checkStructures({ structures, potential }: CheckContext): void {
  if (structures.length === 0) {
    throw new NearsightError('no-structures', 'there is no structure to check the potential on', {
      hint: 'give a few small structures that are representative of what the potential is for',
    });
  }
  structures.forEach((structure, frame) => {
    const foreign = structure.numbers.find((z) => !potential.elements.includes(z));
    if (foreign !== undefined) {
      throw new NearsightError('unknown-species', `"${potential.name}" does not know element ${foreign}`, {
        hint: 'check a potential on structures of its own elements',
        place: { frame },
      });
    }
  });
}
