import { NearsightError } from '../errors.ts';
import type { NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/** Energy of one structure and its exact derivatives. */
export interface Evaluation {
  /** Potential energy, eV. */
  readonly energy: number;
  /** Its split over the atoms, eV, [N]; sums to `energy`. */
  readonly atomicEnergies: Float64Array;
  /** −∂E/∂r, eV/Å, [3N]. */
  readonly forces: Float64Array;
  /**
   * ∂E/∂ε, eV, [9], row-major and symmetric: the change of energy under a homogeneous strain r → (1 + ε) r.
   * Divided by the volume it is the stress (positive in tension); its negative is the virial.
   */
  readonly strainGradient: Float64Array;
}

/**
 * E(structure) and its derivatives. Holds no structure and no result; always returns fresh arrays.
 * The total potential is a sum of parts, each of them a potential.
 */
export interface Potential {
  readonly name: string;
  /** No atom feels another one beyond this distance, Å. */
  readonly cutoff: number;
  /** Atomic numbers it is defined for. A structure with any other element is refused. */
  readonly elements: readonly number[];
  /** Where `false` stands, forces and strain gradient are no derivatives of the energy; see docs/theory/direct-forces.md. */
  readonly conservative?: false;
  /**
   * `neighbours` is built on the spot when absent; when given, it must be valid for `structure` (see
   * `isStale`) and reach at least as far as `cutoff`.
   */
  evaluate(structure: Structure, neighbours?: NeighbourList): Evaluation;
  /**
   * For parts that say little about most structures: adds what they say to `total` in place, given a list that is
   * known to be valid. A sum uses it to save the arrays.
   */
  addTo?(total: RunningEvaluation, structure: Structure, neighbours: NeighbourList): void;
}

/**
 * Several potentials that answer the same question: heads of one model, or models. Their mean is the answer; where they
 * disagree, none of them knows.
 */
export interface Committee {
  /** How many; with one there is no spread. */
  readonly members: number;
  /** What each member says, in a fixed order. Arguments as for `Potential.evaluate`. */
  evaluateMembers(structure: Structure, neighbours?: NeighbourList): readonly Evaluation[];
}

/** An evaluation that parts are being added to. */
export type RunningEvaluation = { -readonly [field in keyof Evaluation]: Evaluation[field] };

/**
 * Refuses a potential whose forces are no gradient, for work that means nothing without one.
 * @param work what can't be done, as the subject of a sentence
 * @throws NearsightError `forces-no-gradient`
 */
export function requireGradient(potential: Potential, work: string): void {
  if (potential.conservative !== false) return;
  throw new NearsightError(
    'forces-no-gradient',
    `${work} needs forces that are the gradient of an energy; those of this model come from a head of their own`,
    { hint: 'train the model without directForces' },
  );
}
