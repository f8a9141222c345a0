import type { KernelModel } from '../kernels.ts';
import type { SymmetryShape } from '../symmetry.ts';

/** Symmetry functions in double precision; the contract is in symmetry.ts. */
export function loadReferenceSymmetry(_shape: SymmetryShape, _weights: Float64Array): KernelModel {
  throw new Error('not built yet');
}
