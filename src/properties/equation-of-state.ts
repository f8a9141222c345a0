import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { strained } from '../structure/builders.ts';
import { cellVolume } from '../structure/cell.ts';
import type { Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';
import { fitPolynomial } from './linear.ts';
import { type PropertyStep, settled } from './strain.ts';

/** The third-order Birch–Murnaghan curve of a crystal, per atom. */
export interface BirchMurnaghan {
  /** V₀. */
  readonly volume_A3_per_atom: number;
  /** E₀. */
  readonly energy_eV_per_atom: number;
  /** B₀. */
  readonly bulk_modulus_GPa: number;
  /** B₀′ = dB/dp, dimensionless. */
  readonly bulk_modulus_derivative: number;
}

export interface EnergyVolumePoint {
  readonly volume_A3_per_atom: number;
  readonly energy_eV_per_atom: number;
}

export interface EquationOfState extends BirchMurnaghan {
  readonly points: readonly EnergyVolumePoint[];
  /** Root mean square deviation of the points from the curve. */
  readonly fit_rmse_meV_per_atom: number;
}

export interface EquationOfStateOptions {
  /** Largest relative change of the volume, either way; 0.06 when absent. */
  readonly range?: number;
  /** 11 when absent; at least 5. */
  readonly points?: number;
  /** Let the atoms find their places at each volume. Without it all of them stay where the strain takes them. */
  readonly relaxAtoms?: boolean;
  /** With `relaxAtoms`, eV/Å; 0.001 when absent. */
  readonly maxForce?: number;
  readonly signal?: AbortSignal;
}

/**
 * Energy over volume of a crystal whose shape is kept, and the Birch–Murnaghan curve through it.
 * @throws NearsightError `eos-no-minimum`, `bad-option`, `not-converged`; `signal`'s reason when it fires
 */
export async function* equationOfState(
  structure: Structure,
  potential: Potential,
  options: EquationOfStateOptions = {},
): AsyncGenerator<PropertyStep, EquationOfState> {
  const { range = 0.06, points: total = 11, relaxAtoms = false, maxForce = 1e-3, signal } = options;
  checkOptions(range, total);
  const atoms = structure.numbers.length;
  const volume = cellVolume(structure.cell);
  const points: EnergyVolumePoint[] = [];
  for (let k = 0; k < total; k++) {
    signal?.throwIfAborted();
    const stretch = Math.cbrt(1 + range * ((2 * k) / (total - 1) - 1)) - 1;
    const scaled = strained(structure, [stretch, 0, 0, 0, stretch, 0, 0, 0, stretch]);
    const { energy } = relaxAtoms
      ? await settled(scaled, potential, { maxForce, ...(signal && { signal }) })
      : potential.evaluate(scaled);
    points.push({ volume_A3_per_atom: (volume * (1 + stretch) ** 3) / atoms, energy_eV_per_atom: energy / atoms });
    yield { done: k + 1, total };
  }
  const fit = fitBirchMurnaghan(points);
  const squares = points.map((p) => (birchMurnaghanEnergy(fit, p.volume_A3_per_atom) - p.energy_eV_per_atom) ** 2);
  const mean = squares.reduce((sum, s) => sum + s, 0) / total;
  return { ...fit, points, fit_rmse_meV_per_atom: 1e3 * Math.sqrt(mean) };
}

/**
 * Third-order Birch–Murnaghan curve through energy–volume points. Its energy is a cubic polynomial in V^(−2/3), so
 * the least squares are linear and need no guess.
 * @throws NearsightError `too-few-points`; `eos-no-minimum` when the lowest energy is not between the points
 * @see Birch 1947, doi:10.1103/PhysRev.71.809
 */
export function fitBirchMurnaghan(points: readonly EnergyVolumePoint[]): BirchMurnaghan {
  const volumes = points.map((p) => p.volume_A3_per_atom);
  if (new Set(volumes).size < 4) {
    throw new NearsightError('too-few-points', `${points.length} points make no equation of state`, {
      hint: 'give at least four volumes, better ten',
    });
  }
  const x = volumes.map((v) => v ** (-2 / 3));
  const centre = (Math.min(...x) + Math.max(...x)) / 2;
  const half = (Math.max(...x) - Math.min(...x)) / 2;
  const [c0, c1, c2, c3] = fitPolynomial(
    x.map((v) => (v - centre) / half),
    points.map((p) => p.energy_eV_per_atom),
    3,
  );
  // The minimum t₀ of c₀ + c₁t + c₂t² + c₃t³ is the root with positive curvature, in a form without cancellation.
  const root = Math.sqrt(c2 * c2 - 3 * c1 * c3);
  const t0 = -c1 / (c2 + root);
  if (!(Math.abs(t0) <= 1)) {
    const [low, high] = [Math.min(...volumes), Math.max(...volumes)].map((v) => v.toFixed(2));
    throw new NearsightError('eos-no-minimum', `the energy has no minimum between ${low} and ${high} Å³/atom`, {
      hint: 'relax the cell first, or widen the range of volumes',
    });
  }
  // With u = x/x₀ − 1: E = E₀ + (9V₀B₀/16)(2u² + (B′ − 4)u³).
  const x0 = centre + half * t0;
  const quadratic = (c2 + 3 * c3 * t0) * (x0 / half) ** 2;
  const cubic = c3 * (x0 / half) ** 3;
  const volume = x0 ** -1.5;
  return {
    volume_A3_per_atom: volume,
    energy_eV_per_atom: c0 + t0 * (c1 + t0 * (c2 + t0 * c3)),
    bulk_modulus_GPa: (8 * quadratic) / (9 * volume) / GPA,
    bulk_modulus_derivative: 4 + (2 * cubic) / quadratic,
  };
}

/** Energy of the curve at a volume (Å³/atom), eV/atom. */
export function birchMurnaghanEnergy(curve: BirchMurnaghan, volume: number): number {
  const u = (curve.volume_A3_per_atom / volume) ** (2 / 3) - 1;
  const stiffness = (9 * curve.volume_A3_per_atom * curve.bulk_modulus_GPa * GPA) / 16;
  return curve.energy_eV_per_atom + stiffness * u * u * (2 + (curve.bulk_modulus_derivative - 4) * u);
}

function checkOptions(range: number, points: number): void {
  if (!(range > 0 && range < 0.5)) {
    throw new NearsightError('bad-option', `volumes cannot change by a share of ${range}`, {
      hint: 'give a range between 0 and 0.5; 0.06 is a common one',
      place: { field: 'range' },
    });
  }
  if (!(Number.isInteger(points) && points >= 5)) {
    throw new NearsightError('bad-option', `${points} volumes are not enough for an equation of state`, {
      hint: 'give at least five',
      place: { field: 'points' },
    });
  }
}
