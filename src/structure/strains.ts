/** Strains of a crystal, and which of them its symmetry makes the same. */
import { multiply3 } from './matrix3.ts';

/** Components of a symmetric tensor in Voigt order. */
export const VOIGT_COMPONENTS = ['xx', 'yy', 'zz', 'yz', 'xz', 'xy'] as const;
export type StrainComponent = (typeof VOIGT_COMPONENTS)[number];

const PLACES: Readonly<Record<StrainComponent, readonly number[]>> = {
  xx: [0],
  yy: [4],
  zz: [8],
  yz: [5, 7],
  xz: [2, 6],
  xy: [1, 3],
};

/** The 3×3 strain of one component, [9], row-major; shears are engineering strains, γ_yz = 2 ε_yz. */
export function strainTensor(component: StrainComponent, strain: number): Float64Array {
  const tensor = new Float64Array(9);
  for (const at of PLACES[component]) tensor[at] = strain / PLACES[component].length;
  return tensor;
}

/** Strains closer than this are the same, dimensionless. */
const SAME_STRAIN = 1e-9;

/**
 * Numbers of the strains that are not the image R ε Rᵀ of an earlier one: of each symmetry-equivalent set the first.
 * @param strains symmetric tensors, [9] @param pointGroup orthogonal matrices R, [9], of the crystal class
 */
export function uniqueStrains(strains: readonly ArrayLike<number>[], pointGroup: readonly Float64Array[]): number[] {
  const kept: number[] = [];
  for (const [index, strain] of strains.entries()) {
    const images = pointGroup.map((rotation) => rotatedTensor(strain, rotation));
    const isKnown = kept.some((k) =>
      images.some((image) => image.every((e, c) => Math.abs(e - strains[k][c]) < SAME_STRAIN)),
    );
    if (!isKnown) kept.push(index);
  }
  return kept;
}

/** R ε Rᵀ. */
function rotatedTensor(tensor: ArrayLike<number>, r: Float64Array): Float64Array {
  return multiply3(r, multiply3(tensor, [r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]]));
}
