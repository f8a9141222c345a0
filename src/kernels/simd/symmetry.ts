import type { KernelModel } from '../kernels.ts';
import type { SymmetryShape } from '../symmetry.ts';
import type { SimdOptions } from './kernel.ts';

/** Symmetry functions in the fast kernel; the contract is in symmetry.ts. */
export function loadSimdSymmetry(
  _module: WebAssembly.Module,
  _shape: SymmetryShape,
  _weights: Float64Array,
  _options: SimdOptions & { readonly threads: number },
): KernelModel {
  throw new Error('not built yet');
}
