/** Rows of many frames: kept while there is room, computed again where there is not. */
import type { Structure } from '../../structure/structure.ts';
import type { LinearEngine, LinearRows } from './linear-model.ts';

export interface RowStore {
  readonly parameters: number;
  /** Species; the last so many columns are their constants. */
  readonly species: number;
  /** Features F of an atom. */
  readonly features: number;
  /** Rows of structure k. */
  rows(k: number): LinearRows;
  /** Bytes that are kept. */
  readonly bytes: number;
}

/** @param limit bytes that may be kept */
export function createRowStore(engine: LinearEngine, structures: readonly Structure[], limit: number): RowStore {
  const kept: LinearRows[] = new Array(structures.length);
  let bytes = 0;
  return {
    parameters: engine.model.parameters,
    species: engine.model.group.length,
    features: engine.model.mean.length,
    rows(k) {
      if (kept[k] !== undefined) return kept[k];
      const rows = engine.rows(structures[k]);
      const size = Object.values(rows).reduce(
        (sum: number, array: Float32Array | Float64Array) => sum + array.byteLength,
        0,
      );
      if (bytes + size <= limit) {
        kept[k] = rows;
        bytes += size;
      }
      return rows;
    },
    get bytes() {
      return bytes;
    },
  };
}
