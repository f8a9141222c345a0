/** Atoms whose environments are alike: what a model gets wrong about one of them it gets wrong about the others. */
import type { Frame } from '../../data/dataset.ts';
import { symmetricEigen } from '../../linear-algebra.ts';
import type { RowStore } from '../../training/linear/rows.ts';
import { nearestPoints } from './calibrate.ts';

/** Number of a frame, and of an atom in it. */
export type AtomOfFrame = readonly [frame: number, atom: number];

/** Whom to ask what is usual. */
export interface Similar {
  /** For each frame, frames that are like it. */
  readonly frames: readonly Int32Array[];
  /** For each atom of each frame, atoms of its species with environments like its own. */
  readonly atoms: readonly (readonly (readonly AtomOfFrame[])[])[];
}

/** Frames to ask: few, so that they are alike, and enough for a median that three bad ones can't move. */
const FRAMES = 8;
const ATOMS = 12;
/** Principal components of the features that tell environments apart. */
const COMPONENTS = 6;

/**
 * Similarity without a look at labels. Environments are points in the space of the leading principal components of
 * their features; a frame is the mean of its atoms there, and their spread.
 */
export function similarIn(frames: readonly Frame[], store: RowStore): Similar {
  const project = principalComponents(frames, store);
  const ofFrames: Float64Array[] = [];
  const bySpecies = new Map<number, { atoms: AtomOfFrame[]; points: Float64Array[] }>();
  for (const [k, { structure }] of frames.entries()) {
    const points = project(store.rows(k).features);
    ofFrames.push(meanAndSpread(points));
    for (const [i, z] of structure.numbers.entries()) {
      const found = bySpecies.get(z) ?? { atoms: [], points: [] };
      bySpecies.set(z, found);
      found.atoms.push([k, i]);
      found.points.push(points[i]);
    }
  }
  const atoms: AtomOfFrame[][][] = frames.map(() => []);
  for (const { atoms: like, points } of bySpecies.values()) {
    for (const [n, near] of nearestPoints(points, ATOMS).entries()) {
      const [k, i] = like[n];
      atoms[k][i] = Array.from(near, (j) => like[j]);
    }
  }
  return { frames: nearestPoints(ofFrames, FRAMES), atoms };
}

function meanAndSpread(points: readonly Float64Array[]): Float64Array {
  const n = points.length;
  const mean = points[0].map((_, d) => points.reduce((sum, point) => sum + point[d], 0) / n);
  const spread = mean.map((m, d) => Math.sqrt(points.reduce((sum, point) => sum + (point[d] - m) ** 2, 0) / n));
  return Float64Array.of(...mean, ...spread);
}

/** The leading principal components of the features of all atoms, as a function of the features of a frame. */
function principalComponents(frames: readonly Frame[], store: RowStore): (features: Float32Array) => Float64Array[] {
  const F = store.features;
  const covariance = new Float64Array(F * F);
  for (const k of frames.keys()) {
    const x = store.rows(k).features;
    for (let at = 0; at < x.length; at += F) {
      for (let a = 0; a < F; a++) for (let b = 0; b <= a; b++) covariance[a * F + b] += x[at + a] * x[at + b];
    }
  }
  for (let a = 0; a < F; a++) for (let b = 0; b < a; b++) covariance[b * F + a] = covariance[a * F + b];
  const { values, vectors } = symmetricEigen(covariance, F);
  const order = [...values.keys()].sort((p, q) => values[q] - values[p]).slice(0, COMPONENTS);
  return (features) =>
    Array.from({ length: features.length / F }, (_, i) =>
      Float64Array.from(order, (column) => {
        let sum = 0;
        for (let a = 0; a < F; a++) sum += features[i * F + a] * vectors[a * F + column];
        return sum;
      }),
    );
}
