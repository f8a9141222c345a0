import { NearsightError } from '../errors.ts';
import { type Evaluation, type Potential, requireGradient } from '../model/potential.ts';
import { cellVolume } from '../structure/cell.ts';
import { inverse3, multiply3, rowsTimes3 } from '../structure/matrix3.ts';
import { buildNeighbourList, isStale } from '../structure/neighbours.ts';
import { copyStructure, type Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';
import { fireStep, largestTriple, startFire } from './fire.ts';
import { turnTaker } from './progress.ts';

export interface RelaxOptions {
  /** Done when no force is larger, eV/Å; 0.01 when absent. */
  readonly maxForce?: number;
  /** Relax the cell as well as the atoms in it. */
  readonly cell?: boolean;
  /** With `cell`: done when no component of the stress is farther from −pressure, GPa; 0.01 when absent. */
  readonly maxStress?: number;
  /** With `cell`: the pressure from outside, GPa, positive in compression; 0 when absent. */
  readonly pressure?: number;
  /** Gives up after so many steps; 2000 when absent. */
  readonly maxSteps?: number;
  /** When it fires, the relaxation returns what it has. */
  readonly signal?: AbortSignal;
}

/** Where a relaxation stands. */
export interface RelaxStep {
  readonly step: number;
  /** eV; with a cell to relax, the enthalpy E + pV is what falls. */
  readonly energy: number;
  /** Largest force on an atom, eV/Å. */
  readonly maxForce: number;
  /** Largest deviation of the stress from −pressure, GPa; null when the cell is not relaxed. */
  readonly maxStress: number | null;
}

/** Where it ended. */
export interface RelaxResult extends RelaxStep {
  readonly structure: Structure;
  readonly evaluation: Evaluation;
  /** Whether forces (and stress) came below their limits. */
  readonly converged: boolean;
}

/** Extra reach of the neighbour list, Å. */
const SKIN = 0.5;

/**
 * Lowers the energy by moving the atoms, or the enthalpy by moving atoms and cell together, until forces and stress
 * are small: FIRE 2.0. Yields every step. The cell is strained without rotating it, in the coordinates of the usual
 * unit-cell filter: atoms keep their place in the undeformed cell, r = D s. Where forces are no gradient, atoms come to
 * rest where the forces vanish, which is no minimum of the energy; a cell then can't be relaxed.
 * @throws NearsightError `relax-failed` (energy or force is no number), `not-periodic`, `forces-no-gradient` (with
 *   `cell`), and what the potential throws
 * @see FIRE 2.0: Guénolé et al. 2020, doi:10.1016/j.commatsci.2020.109584;
 *   cell: Tadmor et al. 1999, doi:10.1103/PhysRevB.59.235
 */
export async function* relax(
  start: Structure,
  potential: Potential,
  options: RelaxOptions = {},
): AsyncGenerator<RelaxStep, RelaxResult> {
  const { maxForce = 0.01, maxStress = 0.01, pressure = 0, maxSteps = 2000, signal } = options;
  if (options.cell) requireGradient(potential, 'relaxing a cell');
  const coordinates = options.cell ? cellCoordinates(start, pressure * GPA) : atomCoordinates(start);
  const fire = startFire(coordinates.x.length);
  const turn = turnTaker(start.numbers.length);
  let neighbours = buildNeighbourList(start, potential.cutoff, { skin: SKIN });
  for (;;) {
    const structure = coordinates.structure();
    if (isStale(neighbours, structure)) neighbours = buildNeighbourList(structure, potential.cutoff, { skin: SKIN });
    const evaluation = potential.evaluate(structure, neighbours);
    const now: RelaxStep = {
      step: fire.steps,
      energy: evaluation.energy,
      maxForce: largestTriple(evaluation.forces),
      maxStress: options.cell ? stressDeviation(structure, evaluation, pressure) : null,
    };
    checkFinite(now);
    yield now;
    const converged = now.maxForce <= maxForce && (now.maxStress ?? 0) <= maxStress;
    if (converged || now.step >= maxSteps || signal?.aborted) {
      return { ...now, structure: copyStructure(structure), evaluation, converged };
    }
    fireStep(fire, coordinates.x, coordinates.forces(evaluation));
    await turn();
  }
}

/** What the minimiser moves, and how that looks as a structure. All coordinates are in Å, all forces in eV/Å. */
export interface Coordinates {
  readonly x: Float64Array;
  structure(): Structure;
  forces(evaluation: Evaluation): Float64Array;
}

export function atomCoordinates(start: Structure): Coordinates {
  const structure = copyStructure(start);
  return { x: structure.positions, structure: () => structure, forces: (evaluation) => evaluation.forces };
}

/**
 * Positions s in the undeformed cell, [3N], then L(D − 1), [9], with the symmetric deformation D: r = D s.
 * The length L = √N·(V/N)^⅓ makes a strain about as stiff as a bond, whatever the number of atoms.
 * @param pressure eV/Å³
 */
export function cellCoordinates(start: Structure, pressure: number): Coordinates {
  if (!start.pbc.every((periodic) => periodic)) {
    throw new NearsightError('not-periodic', `a cell with pbc [${start.pbc.join(', ')}] cannot be relaxed`, {
      hint: 'relax the atoms only, or give a structure that repeats in all three directions',
      place: { field: 'pbc' },
    });
  }
  const atoms = start.numbers.length;
  const volume = cellVolume(start.cell);
  const scale = Math.sqrt(atoms) * Math.cbrt(volume / atoms);
  const x = new Float64Array(3 * atoms + 9);
  x.set(start.positions);
  const deformation = (): Float64Array => {
    const d = x.slice(3 * atoms).map((value) => value / scale);
    for (let a = 0; a < 3; a++) d[4 * a] += 1;
    return d;
  };
  return {
    x,
    structure() {
      const d = deformation();
      return {
        ...start,
        positions: rowsTimes3(x.subarray(0, 3 * atoms), d),
        cell: rowsTimes3(start.cell, d),
      };
    },
    forces(evaluation) {
      const d = deformation();
      const forces = new Float64Array(x.length);
      rowsTimes3(evaluation.forces, d, forces.subarray(0, 3 * atoms));
      // dH = (∂E/∂ε + pV·1) : dε with dε = dD·D⁻¹; D stays symmetric, so that only the symmetric part counts.
      const gradient = evaluation.strainGradient.slice();
      const work = pressure * cellVolume(rowsTimes3(start.cell, d));
      for (let a = 0; a < 3; a++) gradient[4 * a] += work;
      const pull = multiply3(gradient, inverse3(d));
      for (let a = 0; a < 3; a++) {
        for (let b = 0; b < 3; b++) forces[3 * atoms + 3 * a + b] = -(pull[3 * a + b] + pull[3 * b + a]) / 2 / scale;
      }
      return forces;
    },
  };
}

function stressDeviation(structure: Structure, evaluation: Evaluation, pressure: number): number {
  const volume = cellVolume(structure.cell);
  const deviations = Array.from(evaluation.strainGradient, (g, c) =>
    Math.abs(g / volume / GPA + (c % 4 === 0 ? pressure : 0)),
  );
  return Math.max(...deviations);
}

function checkFinite(now: RelaxStep): void {
  if (Number.isFinite(now.energy) && Number.isFinite(now.maxForce)) return;
  throw new NearsightError(
    'relax-failed',
    `at step ${now.step} the energy is ${now.energy} eV and the largest force ${now.maxForce} eV/Å`,
    {
      hint: 'look whether atoms overlap, and whether the potential knows such structures',
    },
  );
}
