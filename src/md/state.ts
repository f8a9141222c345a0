import { NearsightError } from '../errors.ts';
import type { Evaluation, Potential } from '../model/potential.ts';
import type { Random } from '../random.ts';
import { cellVolume } from '../structure/cell.ts';
import { buildNeighbourList, isStale, type NeighbourList } from '../structure/neighbours.ts';
import { copyStructure, massesOf, type Structure } from '../structure/structure.ts';
import { EV_PER_U, GPA, KB } from '../units.ts';

/**
 * Everything that a simulation is at one moment. The integrator owns it: it moves `structure.positions` and
 * `velocities` in place and replaces the rest, so copy what you keep.
 */
export interface MdState {
  readonly structure: Structure;
  /** Å/fs, [3N]. */
  readonly velocities: Float64Array;
  /** u, [N]. */
  readonly masses: Float64Array;
  /** Energy and forces at the present positions. */
  evaluation: Evaluation;
  /** The list that `evaluation` was computed with. */
  neighbours: NeighbourList;
  /** fs. */
  time: number;
  step: number;
  /** Energy taken up from a thermostat so far, eV; 0 in NVE. */
  heat: number;
}

/** How a simulation begins. */
export interface StartOptions {
  /** Å/fs, [3N]; at rest when absent. */
  readonly velocities?: Float64Array;
  /** u, [N]; standard atomic masses when absent. */
  readonly masses?: Float64Array;
  /** Margin of the neighbour list, Å. */
  readonly skin?: number;
}

/**
 * Half of it is what an atom may move before the list is built again: at 300 K in a crystal every hundred steps or
 * so, for a list that is half as long again.
 */
const DEFAULT_SKIN = 0.8;

/**
 * State at time 0, with its first evaluation. Copies what it is given.
 * @throws NearsightError `wrong-length`, `mass-not-positive`, and what the potential throws
 */
export function startMd(structure: Structure, potential: Potential, options: StartOptions = {}): MdState {
  const own = copyStructure(structure);
  const atoms = own.numbers.length;
  const masses = options.masses?.slice() ?? massesOf(own);
  const velocities = options.velocities?.slice() ?? new Float64Array(3 * atoms);
  checkLength('masses', masses, atoms);
  checkLength('velocities', velocities, 3 * atoms);
  checkMasses(masses);
  const neighbours = buildNeighbourList(own, potential.cutoff, { skin: options.skin ?? DEFAULT_SKIN });
  const evaluation = potential.evaluate(own, neighbours);
  return { structure: own, velocities, masses, evaluation, neighbours, time: 0, step: 0, heat: 0 };
}

/** Evaluates the potential at the present positions; builds the neighbour list again only when it is stale. */
export function updateForces(state: MdState, potential: Potential): void {
  const { structure, neighbours } = state;
  if (isStale(neighbours, structure)) {
    state.neighbours = buildNeighbourList(structure, potential.cutoff, { skin: neighbours.skin });
  }
  state.evaluation = potential.evaluate(structure, state.neighbours);
}

/** How initial velocities are drawn. */
export interface VelocityOptions {
  /** Rescale to exactly the temperature asked for, instead of a sample of the canonical distribution. */
  readonly exact?: boolean;
}

/**
 * Velocities of the Maxwell–Boltzmann distribution with the centre of mass at rest, Å/fs, [3N].
 * @param masses u, [N] @param temperature K
 */
export function maxwellBoltzmann(
  masses: Float64Array,
  temperature: number,
  random: Random,
  options: VelocityOptions = {},
): Float64Array {
  checkMasses(masses);
  checkTemperature(temperature);
  const velocities = new Float64Array(3 * masses.length);
  for (let c = 0; c < velocities.length; c++) {
    velocities[c] = Math.sqrt((KB * temperature * EV_PER_U) / masses[Math.floor(c / 3)]) * random.normal();
  }
  removeDrift(velocities, masses);
  if (options.exact) {
    const found = temperatureOf(velocities, masses);
    const scale = found > 0 ? Math.sqrt(temperature / found) : 0;
    for (let c = 0; c < velocities.length; c++) velocities[c] *= scale;
  }
  return velocities;
}

/** Brings the centre of mass to rest, in place. */
export function removeDrift(velocities: Float64Array, masses: Float64Array): void {
  let total = 0;
  for (const m of masses) total += m;
  for (let a = 0; a < 3; a++) {
    let momentum = 0;
    for (let i = 0; i < masses.length; i++) momentum += masses[i] * velocities[3 * i + a];
    for (let i = 0; i < masses.length; i++) velocities[3 * i + a] -= momentum / total;
  }
}

/** Σ ½mv², eV. */
export function kineticEnergy(velocities: Float64Array, masses: Float64Array): number {
  let twice = 0;
  for (let i = 0; i < masses.length; i++) {
    const x = velocities[3 * i];
    const y = velocities[3 * i + 1];
    const z = velocities[3 * i + 2];
    twice += masses[i] * (x * x + y * y + z * z);
  }
  return twice / 2 / EV_PER_U;
}

/**
 * Kinetic temperature 2K/(f·k_B), K. f = 3N − 3 when the centre of mass is held at rest (as everywhere in this
 * room unless it says otherwise), 3N when it moves with the rest. A single held atom has no temperature: 0.
 */
export function temperatureOf(velocities: Float64Array, masses: Float64Array, centreHeld: boolean = true): number {
  const freedom = 3 * masses.length - (centreHeld ? 3 : 0);
  return freedom === 0 ? 0 : (2 * kineticEnergy(velocities, masses)) / (freedom * KB);
}

/** Pressure of atoms and motion, GPa, positive in compression; null where the structure is not periodic in 3D. */
export function pressureOf(state: MdState): number | null {
  if (!state.structure.pbc.every((periodic) => periodic)) return null;
  const g = state.evaluation.strainGradient;
  const kinetic = 2 * kineticEnergy(state.velocities, state.masses);
  return (kinetic - (g[0] + g[4] + g[8])) / (3 * cellVolume(state.structure.cell)) / GPA;
}

function checkLength(field: string, values: Float64Array, expected: number): void {
  if (values.length === expected) return;
  throw new NearsightError('wrong-length', `${field} must hold ${expected} numbers, found ${values.length}`, {
    hint: 'masses is [N] and velocities is [3N]',
    place: { field },
  });
}

function checkMasses(masses: Float64Array): void {
  const bad = masses.findIndex((m) => !(m > 0 && m < Number.POSITIVE_INFINITY));
  if (bad < 0) return;
  throw new NearsightError('mass-not-positive', `atom ${bad} has the mass ${masses[bad]} u`, {
    hint: 'every mass must be a positive number, in u',
    place: { field: 'masses' },
  });
}

/** @throws NearsightError `bad-temperature` */
export function checkTemperature(temperature: number): void {
  if (temperature >= 0 && temperature < Number.POSITIVE_INFINITY) return;
  throw new NearsightError('bad-temperature', `${temperature} K is no temperature`, {
    hint: 'give a finite temperature of at least 0 K',
    place: { field: 'temperature' },
  });
}
