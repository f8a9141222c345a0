import { invariantCount } from '../kernels.ts';
import { gauntTerms } from './coupling.ts';
import type { Variable } from './variable.ts';

/**
 * The invariants of one atom as a straight-line program of products. Its variables are rows of K channels:
 * first A_lm, then the couplings T^{l l'}_M that occur, then the invariants x_p. Each step is
 *   row[target] += coefficient · row[left] · row[right]      (for every channel k alike);
 * only x_0 = A_00 is a plain copy. The steps are in an order in which they can be run, and, reversed, differentiated.
 */
export interface InvariantProgram {
  /** Number of rows. */
  readonly rows: number;
  /** Row of x_0; the last rows are the invariants. */
  readonly invariants: number;
  readonly target: Int32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly coefficient: Float64Array;
}

interface Step {
  readonly target: number;
  readonly left: number;
  readonly right: number;
  readonly coefficient: number;
}

/**
 * The program for the invariants of the contract, in its order. With T^{l l'}_M = Σ C^{l l' 2}_{m m' M} A_lm A_l'm',
 * a quadrupole made of two others, the third order is T^{l l'}·A_2 and the fourth T^{l l'}·T^{22}.
 */
export function invariantProgram(lmax: 2 | 3, order: 2 | 3 | 4): InvariantProgram {
  const steps: Step[] = [];
  let rows = (lmax + 1) ** 2;

  const quadrupole = (l1: number, l2: number): number => {
    const first = rows;
    rows += 5;
    for (const { lm1, lm2, lm3, coefficient } of gauntTerms(l1, l2, 2)) {
      steps.push({ target: first + lm3 - 4, left: lm1, right: lm2, coefficient });
    }
    return first;
  };
  const T11 = order >= 3 ? quadrupole(1, 1) : 0;
  const T13 = order >= 3 && lmax === 3 ? quadrupole(1, 3) : 0;
  const T22 = order >= 3 ? quadrupole(2, 2) : 0;
  const T33 = order >= 3 && lmax === 3 ? quadrupole(3, 3) : 0;

  const invariants = rows++;
  const scalarProduct = (left: number, right: number, length: number): void => {
    const target = rows++;
    for (let m = 0; m < length; m++) steps.push({ target, left: left + m, right: right + m, coefficient: 1 });
  };
  for (let l = 1; l <= lmax; l++) scalarProduct(l * l, l * l, 2 * l + 1);
  const A2 = 4; // row of A_2m, m = −2
  if (order >= 3) scalarProduct(T11, A2, 5); // (1,1,2)
  if (order >= 3 && lmax === 3) scalarProduct(T13, A2, 5); // (1,2,3)
  if (order >= 3) scalarProduct(T22, A2, 5); // (2,2,2)
  if (order >= 3 && lmax === 3) scalarProduct(T33, A2, 5); // (2,3,3)
  if (order >= 4) scalarProduct(T11, T22, 5);

  if (rows - invariants !== invariantCount(lmax, order)) throw new Error('the invariants do not follow the contract');
  return {
    rows,
    invariants,
    target: Int32Array.from(steps, (step) => step.target),
    left: Int32Array.from(steps, (step) => step.left),
    right: Int32Array.from(steps, (step) => step.right),
    coefficient: Float64Array.from(steps, (step) => step.coefficient),
  };
}

/** Fills the rows behind A_lm, which must be zero, from A_lm. */
export function runProgram(program: InvariantProgram, channels: number, rows: Variable, moving: boolean): void {
  const { value, tangent } = rows;
  const { coefficient } = program;
  for (let step = 0; step < coefficient.length; step++) {
    const c = coefficient[step];
    const t = program.target[step] * channels;
    const l = program.left[step] * channels;
    const r = program.right[step] * channels;
    for (let k = 0; k < channels; k++) value[t + k] += c * value[l + k] * value[r + k];
    if (!moving) continue;
    for (let k = 0; k < channels; k++) {
      tangent[t + k] += c * (tangent[l + k] * value[r + k] + value[l + k] * tangent[r + k]);
    }
  }
  const x0 = program.invariants * channels;
  for (let k = 0; k < channels; k++) value[x0 + k] = value[k];
  if (moving) for (let k = 0; k < channels; k++) tangent[x0 + k] = tangent[k];
}

/** Carries the adjoints of the invariants back to the adjoints of A_lm. */
export function runProgramBackward(program: InvariantProgram, channels: number, rows: Variable, moving: boolean): void {
  const { value, tangent, adjoint, adjointTangent } = rows;
  const { coefficient } = program;
  const x0 = program.invariants * channels;
  for (let k = 0; k < channels; k++) adjoint[k] += adjoint[x0 + k];
  if (moving) for (let k = 0; k < channels; k++) adjointTangent[k] += adjointTangent[x0 + k];
  for (let step = coefficient.length - 1; step >= 0; step--) {
    const c = coefficient[step];
    const t = program.target[step] * channels;
    const l = program.left[step] * channels;
    const r = program.right[step] * channels;
    for (let k = 0; k < channels; k++) {
      const seed = c * adjoint[t + k];
      adjoint[l + k] += seed * value[r + k];
      adjoint[r + k] += seed * value[l + k];
      if (!moving) continue;
      const seedTangent = c * adjointTangent[t + k];
      adjointTangent[l + k] += seedTangent * value[r + k] + seed * tangent[r + k];
      adjointTangent[r + k] += seedTangent * value[l + k] + seed * tangent[l + k];
    }
  }
}
