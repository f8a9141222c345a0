/**
 * Atoms in a cell: the one configuration that everything else is about. A plain record; functions do the rest.
 */
export interface Structure {
  /** Atomic numbers, [N]. */
  readonly numbers: Int32Array;
  /** Cartesian positions, Å, [3N], row-major. Atoms may lie outside the cell. */
  readonly positions: Float64Array;
  /** Lattice vectors as rows, Å, [9]; r = fractional · cell. All zero where there is no cell. */
  readonly cell: Float64Array;
  /** Which lattice vectors repeat. */
  readonly pbc: readonly [boolean, boolean, boolean];
}
