import type { NeighbourList } from '../../src/structure/neighbours.ts';
import { sitePositions } from '../../src/structure/neighbours.ts';
import type { Structure } from '../../src/structure/structure.ts';

/** One directed edge: from atom i to the image of atom j that is `shift` lattice vectors away. */
export interface Edge {
  readonly i: number;
  readonly j: number;
  /** Lattice translation of j relative to where both atoms stand, however far outside the cell. */
  readonly shift: readonly [number, number, number];
  /** r_j + shift · cell − r_i, Å. */
  readonly vector: readonly [number, number, number];
}

/** The name of an edge: the same for every code that agrees on which atoms it connects. */
export function edgeKey({ i, j, shift }: Pick<Edge, 'i' | 'j' | 'shift'>): string {
  return `${i} ${j} ${shift.join(' ')}`;
}

export function edgeLength({ vector }: Edge): number {
  return Math.hypot(...vector);
}

/**
 * All edges up to `reach` (Å) in the obvious way: every pair of atoms, every lattice translation that could matter.
 * O(N² · translations); shares no code with the neighbour list.
 */
export function bruteForceNeighbours(structure: Structure, reach: number): Edge[] {
  const { numbers, positions, cell, pbc } = structure;
  const perLength = translationsPerLength(structure);
  const edges: Edge[] = [];
  for (let i = 0; i < numbers.length; i++) {
    for (let j = 0; j < numbers.length; j++) {
      const d = [0, 1, 2].map((c) => positions[3 * j + c] - positions[3 * i + c]);
      const most = perLength.map((count, k) => (pbc[k] ? Math.ceil(count * (reach + Math.hypot(...d))) : 0));
      for (let a = -most[0]; a <= most[0]; a++) {
        for (let b = -most[1]; b <= most[1]; b++) {
          for (let c = -most[2]; c <= most[2]; c++) {
            if (i === j && a === 0 && b === 0 && c === 0) continue;
            const x = d[0] + a * cell[0] + b * cell[3] + c * cell[6];
            const y = d[1] + a * cell[1] + b * cell[4] + c * cell[7];
            const z = d[2] + a * cell[2] + b * cell[5] + c * cell[8];
            if (x * x + y * y + z * z <= reach * reach) edges.push({ i, j, shift: [a, b, c], vector: [x, y, z] });
          }
        }
      }
    }
  }
  return edges;
}

/** The edges of a list for the present positions of a structure, in the words of the brute force. */
export function edgesOf(list: NeighbourList, structure: Structure): Edge[] {
  const sites = sitePositions(list, structure);
  const edges: Edge[] = [];
  const { first, neighbours, owner, shift } = list;
  for (let i = 0; i + 1 < first.length; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      const s = neighbours[p];
      const relative = [0, 1, 2].map((k) => shift[3 * s + k] - shift[3 * i + k]);
      const vector = [0, 1, 2].map((c) => sites[3 * s + c] - sites[3 * i + c]);
      edges.push({
        i,
        j: owner[s],
        shift: [relative[0], relative[1], relative[2]],
        vector: [vector[0], vector[1], vector[2]],
      });
    }
  }
  return edges;
}

/**
 * Inverse spacing of the lattice planes, 1/Å, along each periodic direction: |n · cell| ≥ |n_k| / result[k].
 * It is √(G⁻¹)_kk, with the Gram matrix G of the vectors that repeat.
 */
function translationsPerLength({ cell, pbc }: Structure): number[] {
  const gram = [0, 1, 2].map((k) =>
    [0, 1, 2].map((l) => {
      if (!pbc[k] || !pbc[l]) return k === l ? 1 : 0;
      return cell[3 * k] * cell[3 * l] + cell[3 * k + 1] * cell[3 * l + 1] + cell[3 * k + 2] * cell[3 * l + 2];
    }),
  );
  const minor = (k: number, l: number): number => {
    const [r, s] = [0, 1, 2].filter((n) => n !== k);
    const [t, u] = [0, 1, 2].filter((n) => n !== l);
    return gram[r][t] * gram[s][u] - gram[r][u] * gram[s][t];
  };
  const determinant = gram[0][0] * minor(0, 0) - gram[0][1] * minor(0, 1) + gram[0][2] * minor(0, 2);
  return [0, 1, 2].map((k) => Math.sqrt(minor(k, k) / determinant));
}
