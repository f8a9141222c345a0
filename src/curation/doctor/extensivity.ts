import type { Frame } from '../../data/dataset.ts';
import { solveSymmetric } from '../../linear-algebra.ts';

/** More frames than this are no better evidence. */
const MOST_FRAMES = 40;
/** The numbers of atoms must differ by this share for their growth to be seen. */
const LEAST_SPREAD = 0.05;

/**
 * Do the energies grow with the number of atoms? ln of the likelihood of E = Σ_z N_z ε_z + N·noise over that of
 * E = Σ_z (N_z/N) ε_z + noise, each with its own ε of the elements and its own width; 0 where the frames are all of
 * one size. Positive: total energies; negative: energies per atom.
 */
export function extensivity(frames: readonly Frame[], usable: readonly number[]): number {
  const labelled = usable.filter((index) => {
    const { structure, labels } = frames[index];
    return labels.energy !== undefined && structure.numbers.length > 1;
  });
  const elements = new Map<number, number>();
  for (const index of labelled) {
    for (const z of frames[index].structure.numbers) if (!elements.has(z)) elements.set(z, elements.size);
  }
  const S = elements.size;
  if (labelled.length < S + 5) return 0;
  const sizes = labelled.map((index) => frames[index].structure.numbers.length);
  const logs = sizes.map(Math.log);
  const meanLog = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const spread = Math.sqrt(logs.reduce((sum, value) => sum + (value - meanLog) ** 2, 0) / logs.length);
  if (spread < LEAST_SPREAD) return 0;
  const rows = labelled.map((index) => {
    const { numbers } = frames[index].structure;
    const row = new Float64Array(S);
    for (const z of numbers) row[elements.get(z) ?? 0] += 1 / numbers.length;
    return row;
  });
  const energies = labelled.map((index) => frames[index].labels.energy ?? 0);
  const total = residualSquares(
    rows,
    energies.map((energy, k) => energy / sizes[k]),
  );
  const perAtom = residualSquares(rows, energies);
  if (!(total > 0 && perAtom > 0)) return 0;
  return Math.min(labelled.length - S, MOST_FRAMES) * (0.5 * Math.log(perAtom / total) - meanLog);
}

/** Mean square of y − row · ε for the best ε; as small as the rounding of y at least. */
function residualSquares(rows: readonly Float64Array[], y: readonly number[]): number {
  const S = rows[0].length;
  const matrix = new Float64Array(S * S);
  const right = new Float64Array(S);
  for (const [k, row] of rows.entries()) {
    for (let a = 0; a < S; a++) {
      if (row[a] === 0) continue;
      right[a] += row[a] * y[k];
      for (let b = 0; b < S; b++) matrix[a * S + b] += row[a] * row[b];
    }
  }
  const x = solveSymmetric(matrix, right, 1e-10);
  let squares = 0;
  let size = 0;
  for (const [k, row] of rows.entries()) {
    let rest = y[k];
    for (let a = 0; a < S; a++) rest -= row[a] * x[a];
    squares += rest * rest;
    size += y[k] * y[k];
  }
  return Math.max(squares, 1e-14 * size) / rows.length;
}
