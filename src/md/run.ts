import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { sitePositions } from '../structure/neighbours.ts';
import { copyStructure } from '../structure/structure.ts';
import { EV_PER_U } from '../units.ts';
import type { Integrator } from './integrators.ts';
import { turnTaker } from './progress.ts';
import { kineticEnergy, type MdState, pressureOf, temperatureOf } from './state.ts';

/** What is seen of a simulation every so many steps. */
export interface MdSample {
  readonly step: number;
  /** fs. */
  readonly time: number;
  /** K. */
  readonly temperature: number;
  /**
   * GPa, positive in compression; null where the structure is not periodic in three dimensions, and where the forces of the
   * potential are no gradient: then its strain gradient is none either.
   */
  readonly pressure: number | null;
  /** eV. */
  readonly potentialEnergy: number;
  /** eV. */
  readonly kineticEnergy: number;
  /** Potential + kinetic energy − heat from the thermostat, eV: constant but for the error of the integration. */
  readonly conservedEnergy: number;
  /** The live state, valid until the next sample is asked for: copy what you keep. */
  readonly state: MdState;
}

export interface RunOptions {
  readonly integrator: Integrator;
  /** Number of steps from here on. */
  readonly steps: number;
  /** Steps between samples; 1 when absent. The start and the end are sampled, too. */
  readonly every?: number;
  /** When it fires, the run ends after the present step and returns its state. */
  readonly signal?: AbortSignal;
  /** K; above it the run is given up as exploded. */
  readonly maximumTemperature?: number;
  /** Å; two atoms nearer than this, and the run is given up as exploded. */
  readonly minimumDistance?: number;
}

/** Hotter than this no solid or liquid is, K. */
const MAXIMUM_TEMPERATURE = 20_000;
/** Two thirds of the shortest chemical bond (H₂, 0.74 Å), Å. */
const MINIMUM_DISTANCE = 0.5;
/** Å; an atom of a sound simulation moves by some 0.01 Å, and by 0.1 Å at the very most, in a step. */
const MAXIMUM_MOVE = 1;
/** Steps between looks at the distances between atoms. */
const DISTANCE_INTERVAL = 10;

/**
 * Molecular dynamics from `start` (which it leaves as it was): yields a sample at the start, every `every` steps and
 * at the end; returns the last state. Same start, same random state: same bits.
 * @throws NearsightError `md-exploded`, `bad-steps`, and what the potential throws
 */
export async function* runMd(
  start: MdState,
  potential: Potential,
  options: RunOptions,
): AsyncGenerator<MdSample, MdState> {
  const { integrator, steps, every = 1, signal } = options;
  checkSteps(steps, 'steps', 0);
  checkSteps(every, 'every', 1);
  const state = copyState(start);
  const turn = turnTaker(state.masses.length);
  checkMoves(state, integrator.timestep);
  const gradient = potential.conservative !== false;
  yield sampleOf(state, integrator, gradient);
  for (let done = 1; done <= steps; done++) {
    if (signal?.aborted) break;
    integrator.step(state, potential);
    checkMoves(state, integrator.timestep);
    const looked = done % every === 0 || done === steps;
    if (looked || done % DISTANCE_INTERVAL === 0) checkHealth(state, integrator, options);
    if (looked) yield sampleOf(state, integrator, gradient);
    await turn();
  }
  return state;
}

/** A state that shares with the original only what is never changed in place. */
export function copyState(state: MdState): MdState {
  return { ...state, structure: copyStructure(state.structure), velocities: state.velocities.slice() };
}

function sampleOf(state: MdState, integrator: Integrator, gradient: boolean): MdSample {
  const kinetic = kineticEnergy(state.velocities, state.masses);
  const potentialEnergy = state.evaluation.energy;
  return {
    step: state.step,
    time: state.time,
    temperature: temperatureOf(state.velocities, state.masses, integrator.centreHeld),
    pressure: gradient ? pressureOf(state) : null,
    potentialEnergy,
    kineticEnergy: kinetic,
    conservedEnergy: potentialEnergy + kinetic - state.heat,
    state,
  };
}

/** Looks one step ahead: an atom that is about to leap, or to become NaN, is named before it does. */
function checkMoves(state: MdState, timestep: number): void {
  const { velocities, masses, evaluation } = state;
  if (!Number.isFinite(evaluation.energy)) throw exploded(state, `the energy is ${evaluation.energy} eV`);
  for (let i = 0; i < masses.length; i++) {
    const half = (EV_PER_U * timestep * timestep) / 2 / masses[i];
    let squared = 0;
    for (let c = 3 * i; c < 3 * i + 3; c++) {
      const move = velocities[c] * timestep + half * evaluation.forces[c];
      squared += move * move;
    }
    // Written so that NaN does not pass.
    if (!(squared <= MAXIMUM_MOVE * MAXIMUM_MOVE)) {
      throw exploded(state, `atom ${i} would move by ${Math.sqrt(squared).toPrecision(3)} Å in the next step`);
    }
  }
}

function checkHealth(state: MdState, integrator: Integrator, options: RunOptions): void {
  const { maximumTemperature = MAXIMUM_TEMPERATURE, minimumDistance = MINIMUM_DISTANCE } = options;
  const temperature = temperatureOf(state.velocities, state.masses, integrator.centreHeld);
  if (temperature > maximumTemperature) {
    const hottest = `atom ${fastestAtom(state)} is the fastest`;
    throw exploded(state, `the temperature is ${temperature.toFixed(0)} K, and ${hottest}`);
  }
  const [i, j, distance] = nearestPair(state);
  if (distance < minimumDistance) {
    throw exploded(state, `atoms ${i} and ${j} are ${distance.toFixed(3)} Å apart`);
  }
}

function fastestAtom(state: MdState): number {
  let fastest = 0;
  let most = -1;
  for (let i = 0; i < state.masses.length; i++) {
    const v = state.velocities.subarray(3 * i, 3 * i + 3);
    const energy = state.masses[i] * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (energy > most) {
      most = energy;
      fastest = i;
    }
  }
  return fastest;
}

/** The two atoms that are nearest to each other, and their distance, Å (infinite without neighbours). */
function nearestPair(state: MdState): [number, number, number] {
  const { first, neighbours, owner } = state.neighbours;
  const sites = sitePositions(state.neighbours, state.structure);
  let pair: [number, number] = [0, 0];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < state.masses.length; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      const s = 3 * neighbours[p];
      const x = sites[s] - sites[3 * i];
      const y = sites[s + 1] - sites[3 * i + 1];
      const z = sites[s + 2] - sites[3 * i + 2];
      const squared = x * x + y * y + z * z;
      if (squared < least) {
        least = squared;
        pair = [i, owner[neighbours[p]]];
      }
    }
  }
  return [...pair, Math.sqrt(least)];
}

function exploded(state: MdState, what: string): NearsightError {
  return new NearsightError('md-exploded', `the simulation exploded at step ${state.step}: ${what}`, {
    hint: 'relax the structure first, use a shorter timestep, or look whether the potential knows such structures',
  });
}

function checkSteps(value: number, field: string, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new NearsightError('bad-steps', `${field} is ${value}`, {
    hint: `${field} must be an integer of at least ${least}`,
    place: { field },
  });
}
