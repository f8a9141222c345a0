import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { strainTensor, VOIGT_COMPONENTS } from '../structure/strains.ts';
import type { Structure } from '../structure/structure.ts';
import { inverse, type Matrix, symmetricEigenvalues } from './linear.ts';
import { type PropertyStep, type ResponseOptions, stressUnder } from './strain.ts';

/** The elastic tensor of a crystal and what follows from it. */
export interface ElasticConstants extends ElasticModuli {
  /** C, 6×6, symmetric, Voigt order xx yy zz yz xz xy. */
  readonly tensor_GPa: Matrix;
  /** Largest difference between C_ij and C_ji as computed: an error bar. */
  readonly asymmetry_GPa: number;
  /** Averages over the axes, as for a cubic crystal. */
  readonly C11_GPa: number;
  readonly C12_GPa: number;
  readonly C44_GPa: number;
  /** Largest difference between the tensor and that of a cubic crystal along the axes with these averages. */
  readonly non_cubic_GPa: number;
  /** Largest stress of the unstrained crystal: far from 0, the constants are those of a crystal under load. */
  readonly residual_stress_GPa: number;
}

/** Moduli of a polycrystal of these crystals in random orientation, and stability. */
export interface ElasticModuli {
  /** All grains strained alike: upper bounds. */
  readonly bulk_modulus_voigt_GPa: number;
  readonly shear_modulus_voigt_GPa: number;
  /** All grains stressed alike: lower bounds. */
  readonly bulk_modulus_reuss_GPa: number;
  readonly shear_modulus_reuss_GPa: number;
  /** Means of the bounds. */
  readonly bulk_modulus_hill_GPa: number;
  readonly shear_modulus_hill_GPa: number;
  readonly young_modulus_hill_GPa: number;
  readonly poisson_ratio_hill: number;
  /** Born: no strain lowers the energy. */
  readonly born_stable: boolean;
  /** Lowest eigenvalue of the tensor (in Mandel's form, which does not depend on the axes). */
  readonly softest_eigenvalue_GPa: number;
}

export interface ElasticOptions extends ResponseOptions {
  /** Strain of each component, either way; 0.004 when absent. Shears are engineering strains. */
  readonly strain?: number;
}

/**
 * Elastic constants from the stresses at small strains: C_ij = [σ_i(+ε_j) − σ_i(−ε_j)]/2ε, error ∝ ε². Relax the
 * cell first. Atoms are relaxed at each strain unless `clamped`.
 * @throws NearsightError `bad-option`, `not-converged`, `singular-cell`; `signal`'s reason when it fires
 */
export async function* elasticConstants(
  structure: Structure,
  potential: Potential,
  options: ElasticOptions = {},
): AsyncGenerator<PropertyStep, ElasticConstants> {
  const { strain = 0.004 } = options;
  checkStrain(strain);
  const columns: number[][] = [];
  const atRest = await stressUnder(structure, potential, new Float64Array(9), { ...options, clamped: true });
  for (const [j, component] of VOIGT_COMPONENTS.entries()) {
    const plus = await stressUnder(structure, potential, strainTensor(component, strain), options);
    const minus = await stressUnder(structure, potential, strainTensor(component, -strain), options);
    columns.push(plus.map((stress, i) => (stress - minus[i]) / (2 * strain)));
    yield { done: j + 1, total: 6 };
  }
  const tensor = columns.map((column, i) => column.map((_, j) => (columns[j][i] + columns[i][j]) / 2));
  const asymmetry = Math.max(...columns.flatMap((column, i) => column.map((c, j) => Math.abs(c - columns[j][i]))));
  return {
    tensor_GPa: tensor,
    asymmetry_GPa: asymmetry,
    ...cubicAverages(tensor),
    residual_stress_GPa: Math.max(...atRest.map(Math.abs)),
    ...elasticModuli(tensor),
  };
}

function cubicAverages(c: Matrix): Pick<ElasticConstants, 'C11_GPa' | 'C12_GPa' | 'C44_GPa' | 'non_cubic_GPa'> {
  const C11 = (c[0][0] + c[1][1] + c[2][2]) / 3;
  const C12 = (c[0][1] + c[0][2] + c[1][2]) / 3;
  const C44 = (c[3][3] + c[4][4] + c[5][5]) / 3;
  const cubic = (i: number, j: number): number => (i === j ? (i < 3 ? C11 : C44) : i < 3 && j < 3 ? C12 : 0);
  const deviations = c.flatMap((row, i) => row.map((value, j) => Math.abs(value - cubic(i, j))));
  return { C11_GPa: C11, C12_GPa: C12, C44_GPa: C44, non_cubic_GPa: Math.max(...deviations) };
}

/**
 * Voigt–Reuss–Hill moduli and Born stability of an elastic tensor, GPa, 6×6 in Voigt order.
 * @see Hill 1952, doi:10.1088/0370-1298/65/5/307; Mouhat & Coudert 2014, doi:10.1103/PhysRevB.90.224104
 */
export function elasticModuli(c: Matrix): ElasticModuli {
  const s = inverse(c);
  const voigt = moduli(trace(c, 0), offDiagonal(c), trace(c, 3));
  const bulkReuss = 1 / (trace(s, 0) + 2 * offDiagonal(s));
  const shearReuss = 15 / (4 * trace(s, 0) - 4 * offDiagonal(s) + 3 * trace(s, 3));
  const bulk = (voigt.bulk + bulkReuss) / 2;
  const shear = (voigt.shear + shearReuss) / 2;
  // Mandel's form, shears × √2 on either side, has the eigenvalues of the tensor of rank four.
  const mandel = c.map((row, i) => row.map((value, j) => value * (i < 3 ? 1 : Math.SQRT2) * (j < 3 ? 1 : Math.SQRT2)));
  const softest = symmetricEigenvalues(mandel)[0];
  return {
    bulk_modulus_voigt_GPa: voigt.bulk,
    shear_modulus_voigt_GPa: voigt.shear,
    bulk_modulus_reuss_GPa: bulkReuss,
    shear_modulus_reuss_GPa: shearReuss,
    bulk_modulus_hill_GPa: bulk,
    shear_modulus_hill_GPa: shear,
    young_modulus_hill_GPa: (9 * bulk * shear) / (3 * bulk + shear),
    poisson_ratio_hill: (3 * bulk - 2 * shear) / (6 * bulk + 2 * shear),
    born_stable: softest > 0,
    softest_eigenvalue_GPa: softest,
  };
}

function moduli(normal: number, coupling: number, shears: number): { bulk: number; shear: number } {
  return { bulk: (normal + 2 * coupling) / 9, shear: (normal - coupling + 3 * shears) / 15 };
}

const trace = (m: Matrix, from: number): number => m[from][from] + m[from + 1][from + 1] + m[from + 2][from + 2];
const offDiagonal = (m: Matrix): number => m[0][1] + m[0][2] + m[1][2];

function checkStrain(strain: number): void {
  if (strain > 0 && strain <= 0.05) return;
  throw new NearsightError('bad-option', `elastic constants cannot be had from a strain of ${strain}`, {
    hint: 'give a strain between 0 and 0.05; 0.004 is a common one',
    place: { field: 'strain' },
  });
}
