import type { ModelShape, WeightLayout } from '../kernels.ts';
import { featureCount, weightLayout } from '../kernels.ts';
import { activate, activateBackward } from './activation.ts';
import { addForceHeadGradient, createForceHead, type ForceHead } from './direct.ts';
import type { Edge } from './edges.ts';
import type { InvariantProgram } from './invariants.ts';
import { invariantProgram, runProgram, runProgramBackward } from './invariants.ts';
import type { LinearMap, Variable } from './variable.ts';
import { clear, linear, linearBackward, linearGradient, part, variable } from './variable.ts';

/**
 * The model of one atom, from its density projections D to its energy e: all variables between them and the maps
 * that connect them. One of these serves all atoms, one after the other.
 */
export interface AtomModel {
  readonly shape: ModelShape;
  readonly weights: Float64Array;
  readonly program: InvariantProgram;
  /** Room for its edges. */
  readonly edgePool: Edge[];
  /** D[s,lm,b]. */
  readonly densities: Variable;
  /** A_lm, T, x: the rows of the program. */
  readonly rows: Variable;
  /** The last rows: the features x. */
  readonly features: Variable;
  /** D → A, one map for each species and lm. */
  readonly mixing: readonly LinearMap[];
  readonly heads: readonly Head[];
}

/** x → z1 → h1 = silu(z1) → z2 → h2 = silu(z2) → e, and the skip x → e. */
interface Head {
  readonly z1: Variable;
  readonly h1: Variable;
  readonly z2: Variable;
  readonly h2: Variable;
  /** The energy: one number. */
  readonly e: Variable;
  readonly first: LinearMap;
  readonly second: LinearMap;
  readonly third: LinearMap;
  readonly skip: LinearMap;
  /** For each species of the centre, where its bias of z1, z2 and e stands. */
  readonly biases: readonly (readonly [number, number, number])[];
  /** Forces of their own, where the shape asks for them. */
  readonly forces: ForceHead | null;
}

/** The model of one atom, with a copy of the weights. */
export function createAtomModel(shape: ModelShape, weights: Float64Array): AtomModel {
  const { species, radial, lmax, channels, order } = shape;
  const layout = weightLayout(shape);
  const program = invariantProgram(lmax, order);
  const harmonics = (lmax + 1) ** 2;
  const densities = variable(species * harmonics * radial);
  const rows = variable(program.rows * channels);
  const features = part(rows, program.invariants * channels, featureCount(shape));
  const mixing: LinearMap[] = [];
  for (let s = 0; s < species; s++) {
    for (let lm = 0; lm < harmonics; lm++) {
      const l = Math.floor(Math.sqrt(lm));
      mixing.push({
        x: part(densities, (s * harmonics + lm) * radial, radial),
        y: part(rows, lm * channels, channels),
        at: layout.mix + (s * (lmax + 1) + l) * radial * channels,
      });
    }
  }
  const heads = Array.from({ length: shape.heads }, (_, head) => createHead(shape, layout, head, features));
  return { shape, weights: weights.slice(), program, edgePool: [], densities, rows, features, mixing, heads };
}

function createHead(shape: ModelShape, layout: WeightLayout, head: number, x: Variable): Head {
  const [H1, H2] = shape.hidden;
  const S = shape.species;
  const F = featureCount(shape);
  const [z1, h1, z2, h2, e] = [variable(H1), variable(H1), variable(H2), variable(H2), variable(1)];
  return {
    z1,
    h1,
    z2,
    h2,
    e,
    first: { x, y: z1, at: layout.w1 + head * F * H1 },
    second: { x: h1, y: z2, at: layout.w2 + head * H1 * H2 },
    third: { x: h2, y: e, at: layout.w3 + head * H2 },
    skip: { x, y: e, at: layout.skip + head * F },
    biases: Array.from({ length: S }, (_, z) => [
      layout.b1 + (head * S + z) * H1,
      layout.b2 + (head * S + z) * H2,
      layout.b3 + head * S + z,
    ]),
    forces: shape.directForces === true ? createForceHead(shape, layout, head, h2) : null,
  };
}

/** D → A → x. Leaves all adjoints at zero. */
export function describe(atom: AtomModel, moving: boolean): void {
  clear(atom.rows);
  atom.densities.adjoint.fill(0);
  for (const map of atom.mixing) linear(map, atom.weights, moving);
  runProgram(atom.program, atom.shape.channels, atom.rows, moving);
}

/** x → e for one head and a centre of species z; returns e, eV. */
export function readOut(atom: AtomModel, head: number, z: number, moving: boolean): number {
  const { weights } = atom;
  const { z1, h1, z2, h2, e, first, second, third, skip, biases } = atom.heads[head];
  const [b1, b2, b3] = biases[z];
  for (const [x, bias] of [
    [z1, b1],
    [z2, b2],
    [e, b3],
  ] as const) {
    clear(x);
    x.value.set(weights.subarray(bias, bias + x.value.length));
  }
  clear(h1);
  clear(h2);
  linear(first, weights, moving);
  activate('silu', z1, h1, moving);
  linear(second, weights, moving);
  activate('silu', z2, h2, moving);
  linear(third, weights, moving);
  linear(skip, weights, moving);
  return e.value[0];
}

/** From ē, which the caller has set, back to x̄ (added to what is there). */
export function readOutBackward(atom: AtomModel, head: number, moving: boolean): void {
  const { weights } = atom;
  const { z1, h1, z2, h2, first, second, third, skip } = atom.heads[head];
  linearBackward(skip, weights, moving);
  linearBackward(third, weights, moving);
  activateBackward('silu', z2, h2, moving);
  linearBackward(second, weights, moving);
  activateBackward('silu', z1, h1, moving);
  linearBackward(first, weights, moving);
}

/** From x̄ back to Ā. */
export function describeBackward(atom: AtomModel, moving: boolean): void {
  runProgramBackward(atom.program, atom.shape.channels, atom.rows, moving);
}

/** From Ā back to ∂e/∂D, which moves nothing further: training stops before it. */
export function unmix(atom: AtomModel): void {
  for (const map of atom.mixing) linearBackward(map, atom.weights, false);
}

/** After both backward sweeps with `moving`: adds the moving part of the gradient by all weights of this atom and head. */
export function addWeightGradient(atom: AtomModel, head: number, z: number, gradient: Float64Array): void {
  const { z1, z2, e, first, second, third, skip, biases, forces } = atom.heads[head];
  for (const map of atom.mixing) linearGradient(map, gradient);
  for (const map of [first, second, third, skip]) linearGradient(map, gradient);
  for (const [layer, x] of [z1, z2, e].entries()) {
    const at = biases[z][layer];
    for (let i = 0; i < x.value.length; i++) gradient[at + i] += x.adjointTangent[i];
  }
  if (forces !== null) addForceHeadGradient(forces, z, gradient);
}
