import type { Structure } from './structure.ts';

/**
 * Full neighbour list: each pair occurs twice, once from either end.
 *
 * A *site* is an atom brought into the cell (sites 0 … N−1, in the order of the atoms) or a periodic image of
 * one (sites N … M−1). Site s stands at r_s = positions[owner[s]] + shift[s] · cell, so that the vector of an edge
 * is r_ij = r_site(j) − r_site(i): no image arithmetic is left to whoever walks over edges. As long as the atoms
 * move by less than skin/2 the list stays valid, also when they leave the cell.
 */
export interface NeighbourList {
  /** Every pair nearer than this is in the list while the list is valid, Å. */
  readonly cutoff: number;
  /** The list was built with cutoff + skin, Å. */
  readonly skin: number;
  /** Edges of atom i are neighbours[first[i]] … neighbours[first[i+1] − 1]; [N+1]. */
  readonly first: Int32Array;
  /** Site at the far end of each edge, [P]; ascending for each atom. */
  readonly neighbours: Int32Array;
  /** Atom that each site is (an image of), [M]; owner[i] = i for i < N. */
  readonly owner: Int32Array;
  /** Lattice translation of each site, [3M], integers. */
  readonly shift: Int32Array;
  /** The structure that the list was built for (a copy): what "stale" is measured against. */
  readonly builtFor: Structure;
}
