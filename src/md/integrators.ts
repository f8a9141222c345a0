import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import type { Random } from '../random.ts';
import { EV_PER_U, KB } from '../units.ts';
import { checkTemperature, kineticEnergy, type MdState, removeDrift, updateForces } from './state.ts';

/** One step of time. The state it leaves has forces that belong to its positions. */
export interface Integrator {
  readonly ensemble: 'NVE' | 'NVT';
  /** fs. */
  readonly timestep: number;
  /** Whether the centre of mass stays where it is: 3N − 3 degrees of freedom instead of 3N. */
  readonly centreHeld: boolean;
  step(state: MdState, potential: Potential): void;
}

/**
 * Constant energy: velocity Verlet, error of the energy ∝ timestep² and bounded.
 * @param timestep fs
 * @see Swope et al. 1982, doi:10.1063/1.442716
 */
export function velocityVerlet(timestep: number): Integrator {
  checkTimestep(timestep);
  return {
    ensemble: 'NVE',
    timestep,
    centreHeld: true,
    step(state, potential) {
      kick(state, timestep / 2);
      drift(state, timestep);
      updateForces(state, potential);
      kick(state, timestep / 2);
      advanceClock(state, timestep);
    },
  };
}

/** Settings of `langevin`. */
export interface LangevinOptions {
  /** K. */
  readonly temperature: number;
  /** Rate at which velocities are forgotten, 1/fs; 0.01 thermalises within some 0.2 ps. */
  readonly friction: number;
  readonly random: Random;
  /** Let the noise push the centre of mass as well; held at rest when absent. */
  readonly freeCentre?: boolean;
}

/**
 * Constant temperature: Langevin dynamics in the splitting BAOAB (half kick, half drift, exact friction and noise,
 * half drift, half kick), which samples positions exactly in a harmonic well and with a small error ∝ timestep²
 * elsewhere.
 * `state.heat` counts what the bath gave, so that energy − heat is conserved as well as energy is in NVE.
 * @param timestep fs
 * @see Leimkuhler & Matthews 2013, doi:10.1063/1.4802990; heat: Bussi & Parrinello 2007, doi:10.1103/PhysRevE.75.056707
 */
export function langevin(timestep: number, options: LangevinOptions): Integrator {
  const { temperature, friction, random } = options;
  checkTimestep(timestep);
  checkTemperature(temperature);
  if (!(friction >= 0 && friction < Number.POSITIVE_INFINITY)) {
    throw new NearsightError('bad-friction', `${friction} 1/fs is no friction`, {
      hint: 'give a finite friction of at least 0 1/fs; 0.01 is a common one for solids',
      place: { field: 'friction' },
    });
  }
  const centreHeld = options.freeCentre !== true;
  const keep = Math.exp(-friction * timestep);
  const variance = KB * temperature * EV_PER_U * -Math.expm1(-2 * friction * timestep);
  return {
    ensemble: 'NVT',
    timestep,
    centreHeld,
    step(state, potential) {
      const { velocities, masses } = state;
      kick(state, timestep / 2);
      drift(state, timestep / 2);
      const before = kineticEnergy(velocities, masses);
      for (let i = 0; i < masses.length; i++) {
        const noise = Math.sqrt(variance / masses[i]);
        for (let c = 3 * i; c < 3 * i + 3; c++) velocities[c] = keep * velocities[c] + noise * random.normal();
      }
      // Noise minus its mean is the exact Ornstein–Uhlenbeck step of the motion relative to the centre of mass.
      if (centreHeld) removeDrift(velocities, masses);
      state.heat += kineticEnergy(velocities, masses) - before;
      drift(state, timestep / 2);
      updateForces(state, potential);
      kick(state, timestep / 2);
      advanceClock(state, timestep);
    },
  };
}

/** v += F/m · time. */
function kick(state: MdState, time: number): void {
  const { velocities, masses, evaluation } = state;
  for (let i = 0; i < masses.length; i++) {
    const rate = (EV_PER_U * time) / masses[i];
    for (let c = 3 * i; c < 3 * i + 3; c++) velocities[c] += rate * evaluation.forces[c];
  }
}

/** r += v · time. */
function drift(state: MdState, time: number): void {
  const { positions } = state.structure;
  for (let c = 0; c < positions.length; c++) positions[c] += time * state.velocities[c];
}

function advanceClock(state: MdState, timestep: number): void {
  state.step++;
  state.time += timestep;
}

function checkTimestep(timestep: number): void {
  if (timestep > 0 && timestep < Number.POSITIVE_INFINITY) return;
  throw new NearsightError('bad-timestep', `${timestep} fs is no timestep`, {
    hint: 'give a positive timestep in fs: about 1 for silicon, 0.25–0.5 where there is hydrogen',
    place: { field: 'timestep' },
  });
}
