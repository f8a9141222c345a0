/** Levels of theory with known variances and biases, for tests. */
import { createRandom, type Random } from '../../random.ts';
import { mirrorLower } from './dense.ts';
import { type KindSums, knownDirections, type LabelKind, type LevelSums } from './levels.ts';
import type { MixedModel } from './mixed-model.ts';

/** Rows and labels of one kind at one level, drawn; [n][P] and [n]. */
export interface DrawnKind {
  readonly level: number;
  readonly kind: LabelKind;
  readonly rows: Float64Array;
  readonly labels: Float64Array;
}

export interface DrawnLevels {
  readonly model: MixedModel;
  readonly kinds: readonly DrawnKind[];
  /** w, b_1, … as drawn, [F] each. */
  readonly coefficients: readonly Float64Array[];
}

export interface DrawOptions {
  readonly seed: number;
  readonly features: number;
  readonly species: number;
  readonly damping?: Float64Array;
  /** Standard deviations τ_0, τ_1, …, one for each level. */
  readonly spreads: readonly number[];
  /** Energies and forces of each level: number and noise. */
  readonly energies: readonly (readonly [number, number])[];
  readonly forces: readonly (readonly [number, number])[];
  /** Species in a fixed ratio, as in water: their energies can't be told apart. */
  readonly fixedRatio?: boolean;
}

/** Draws a problem: rows of standard normals, energies of species of some eV, coefficients and noise as asked. */
export function drawLevels(options: DrawOptions): DrawnLevels {
  const { seed, features: F, species: S, spreads, energies, forces, fixedRatio = false } = options;
  const random = createRandom(seed);
  const damping = options.damping ?? new Float64Array(F).fill(1);
  const coefficients = spreads.map((spread) => damping.map((d) => d * spread * random.normal()));
  const kinds: DrawnKind[] = [];
  for (const level of spreads.keys()) {
    const slopes = coefficients[0].map((w, a) => w + (level > 0 ? coefficients[level][a] : 0));
    const constants = Float64Array.from({ length: S }, () => 3 * random.normal());
    for (const [kind, [count, noise]] of [
      ['energy', energies[level]],
      ['forces', forces[level]],
    ] as const) {
      if (count === 0) continue;
      const rows = new Float64Array(count * (F + S));
      const labels = new Float64Array(count);
      for (let r = 0; r < count; r++) {
        for (let a = 0; a < F; a++) rows[r * (F + S) + a] = random.normal();
        if (kind === 'energy') drawComposition(rows, r * (F + S) + F, S, { random, fixedRatio });
        for (let a = 0; a < F; a++) labels[r] += rows[r * (F + S) + a] * slopes[a];
        for (let s = 0; s < S; s++) labels[r] += rows[r * (F + S) + F + s] * constants[s];
        labels[r] += noise * random.normal();
      }
      kinds.push({ level, kind, rows, labels });
    }
  }
  return { model: modelOf(kinds, spreads.length, damping, S), kinds, coefficients };
}

function drawComposition(
  rows: Float64Array,
  at: number,
  S: number,
  { random, fixedRatio }: { random: Random; fixedRatio: boolean },
): void {
  let total = 0;
  for (let s = 0; s < S; s++) {
    rows[at + s] = fixedRatio ? s + 1 : 0.1 + random.uniform();
    total += rows[at + s];
  }
  for (let s = 0; s < S; s++) rows[at + s] /= total;
}

/** The sums of drawn labels, without any reference taken off. */
export function modelOf(
  kinds: readonly DrawnKind[],
  levels: number,
  damping: Float64Array,
  species: number,
): MixedModel {
  const P = damping.length + species;
  const sums = Array.from({ length: levels }, (_, level): LevelSums => {
    const own = kinds.filter((one) => one.level === level);
    const energies = own.find(({ kind }) => kind === 'energy');
    const known = knownDirections(gramOf(energies?.rows ?? new Float64Array(0), P, damping.length), species);
    return {
      ...{ name: `level ${level}`, frames: 0, reference: new Float64Array(species), ...known },
      kinds: own.map(({ kind, rows, labels }): KindSums => {
        const vector = new Float64Array(P);
        for (let r = 0; r < labels.length; r++) for (let a = 0; a < P; a++) vector[a] += rows[r * P + a] * labels[r];
        const squares = labels.reduce((sum, y) => sum + y * y, 0);
        return { kind, rows: labels.length, gram: gramOf(rows, P, 0), vector, squares };
      }),
    };
  });
  return { levels: sums, damping, species };
}

/** Gram matrix of the columns from `first` on. */
function gramOf(rows: Float64Array, P: number, first: number): Float64Array {
  const n = P - first;
  const gram = new Float64Array(n * n);
  for (let r = 0; r < rows.length / P; r++) {
    for (let a = 0; a < n; a++) {
      for (let b = 0; b <= a; b++) gram[a * n + b] += rows[r * P + first + a] * rows[r * P + first + b];
    }
  }
  mirrorLower(gram, n);
  return gram;
}
