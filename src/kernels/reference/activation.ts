/** Activations of the networks, forwards and backwards, in dual numbers; see variable.ts. */
import type { Activation } from '../symmetry.ts';
import type { Variable } from './variable.ts';

/** φ, φ′ and φ″ at z. */
type Derivatives = readonly [number, number, number];

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

const ACTIVATIONS: Readonly<Record<Activation, (z: number) => Derivatives>> = {
  tanh(z) {
    const t = Math.tanh(z);
    const slope = 1 - t * t;
    return [t, slope, -2 * t * slope];
  },
  softplus(z) {
    const s = sigmoid(z);
    return [Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))), s, s * (1 - s)];
  },
  silu(z) {
    const s = sigmoid(z);
    return [z * s, s * (1 + z * (1 - s)), s * (1 - s) * (2 + z * (1 - 2 * s))];
  },
};

/** y = φ(x). */
export function activate(kind: Activation, x: Variable, y: Variable, moving: boolean): void {
  const phi = ACTIVATIONS[kind];
  for (let i = 0; i < x.value.length; i++) {
    const [value, slope] = phi(x.value[i]);
    y.value[i] = value;
    if (moving) y.tangent[i] = slope * x.tangent[i];
  }
}

/** x̄ = φ′(x)·ȳ, and along the motion dx̄/dt = φ″(x)·ẋ·ȳ + φ′(x)·dȳ/dt. */
export function activateBackward(kind: Activation, x: Variable, y: Variable, moving: boolean): void {
  const phi = ACTIVATIONS[kind];
  for (let i = 0; i < x.value.length; i++) {
    const [, slope, curvature] = phi(x.value[i]);
    x.adjoint[i] = slope * y.adjoint[i];
    if (moving) x.adjointTangent[i] = curvature * x.tangent[i] * y.adjoint[i] + slope * y.adjointTangent[i];
  }
}
