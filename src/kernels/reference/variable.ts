/**
 * Reverse-mode differentiation in dual numbers, for vectors.
 *
 * A variable x is followed along a motion of the atoms, x(t), so that each of its numbers is a pair (x, ẋ). What flows
 * backwards, x̄ = ∂e/∂x, is a pair (x̄, dx̄/dt) for the same reason. Only training needs the second halves: `moving` says
 * whether they are computed. Every operation of the model is linear, a product or an activation; each is here, in
 * `activation.ts` or in `invariants.ts`, with its forward and its backward sweep.
 */
export interface Variable {
  /** x. */
  readonly value: Float64Array;
  /** ẋ = dx/dt. */
  readonly tangent: Float64Array;
  /** x̄ = ∂e/∂x. */
  readonly adjoint: Float64Array;
  /** dx̄/dt. */
  readonly adjointTangent: Float64Array;
}

/** A variable of n numbers, all zero. */
export function variable(n: number): Variable {
  return {
    value: new Float64Array(n),
    tangent: new Float64Array(n),
    adjoint: new Float64Array(n),
    adjointTangent: new Float64Array(n),
  };
}

/** `length` numbers of a variable from `start` on: the same memory. */
export function part(of: Variable, start: number, length: number): Variable {
  return {
    value: of.value.subarray(start, start + length),
    tangent: of.tangent.subarray(start, start + length),
    adjoint: of.adjoint.subarray(start, start + length),
    adjointTangent: of.adjointTangent.subarray(start, start + length),
  };
}

/** Sets all four halves to zero. */
export function clear(x: Variable): void {
  x.value.fill(0);
  x.tangent.fill(0);
  x.adjoint.fill(0);
  x.adjointTangent.fill(0);
}

/** y += x·W, where W is [x.length][y.length] and stands at `at` in the weights. */
export interface LinearMap {
  readonly x: Variable;
  readonly y: Variable;
  readonly at: number;
}

/** y += x·W. */
export function linear({ x, y, at }: LinearMap, weights: Float64Array, moving: boolean): void {
  addProduct(x.value, weights, at, y.value);
  if (moving) addProduct(x.tangent, weights, at, y.tangent);
}

/** x̄ += W·ȳ. */
export function linearBackward({ x, y, at }: LinearMap, weights: Float64Array, moving: boolean): void {
  addTransposedProduct(y.adjoint, weights, at, x.adjoint);
  if (moving) addTransposedProduct(y.adjointTangent, weights, at, x.adjointTangent);
}

/** The moving part of W̄ = x ⊗ ȳ: gradient += ẋ ⊗ ȳ + x ⊗ dȳ/dt. */
export function linearGradient({ x, y, at }: LinearMap, gradient: Float64Array): void {
  const n = y.value.length;
  for (let i = 0; i < x.value.length; i++) {
    const row = at + i * n;
    for (let j = 0; j < n; j++) gradient[row + j] += x.tangent[i] * y.adjoint[j] + x.value[i] * y.adjointTangent[j];
  }
}

function addProduct(x: Float64Array, weights: Float64Array, at: number, y: Float64Array): void {
  const n = y.length;
  for (let i = 0; i < x.length; i++) {
    const xi = x[i];
    const row = at + i * n;
    for (let j = 0; j < n; j++) y[j] += xi * weights[row + j];
  }
}

function addTransposedProduct(y: Float64Array, weights: Float64Array, at: number, x: Float64Array): void {
  const n = y.length;
  for (let i = 0; i < x.length; i++) {
    const row = at + i * n;
    let sum = 0;
    for (let j = 0; j < n; j++) sum += weights[row + j] * y[j];
    x[i] += sum;
  }
}
