/** A whole simulation: velocities, equilibration, run, and what is told of it afterwards. */
import {
  conservedDrift,
  type Drift,
  type Integrator,
  langevin,
  type MdSample,
  type MdState,
  maxwellBoltzmann,
  runMd,
  startMd,
  velocityVerlet,
} from '../md/index.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { massesOf, type Structure } from '../structure/index.ts';

export interface SimulationRequest {
  readonly structure: Structure;
  readonly potential: Potential;
  readonly ensemble: 'nve' | 'nvt';
  /** K, of the initial velocities and of the thermostat. */
  readonly temperature: number;
  /** fs. */
  readonly time: number;
  /** fs; `usualTimestep` when absent. */
  readonly timestep?: number | undefined;
  /** NVT before the run, fs; none when absent. */
  readonly equilibration?: number | undefined;
  /** Of the Langevin thermostat, 1/fs. */
  readonly friction?: number | undefined;
  readonly seed: number;
  /** Steps between the samples of the run. */
  readonly every: number;
  readonly signal?: AbortSignal | undefined;
}

export interface SimulationStep {
  readonly phase: 'equilibration' | 'run';
  readonly sample: MdSample;
  /** Steps of this phase. */
  readonly steps: number;
}

/** A sample without the state, to be kept. */
export type Moment = Omit<MdSample, 'state'>;

export interface SimulationResult {
  readonly atoms: number;
  /** fs. */
  readonly timestep: number;
  /** Steps that were made after the equilibration, and how long they took, s. */
  readonly steps: number;
  readonly seconds: number;
  readonly moments: readonly Moment[];
  /** Of the conserved energy; null where the run was too short. */
  readonly drift: Drift | null;
  /** Mean and standard deviation over the second half of the run, K. */
  readonly temperature: number;
  readonly temperatureDeviation: number;
  /** Mean over the second half, GPa; null where its moments have none. */
  readonly pressure: number | null;
  readonly last: MdState;
}

const FRICTION = 0.01;

/** A timestep that is short enough for the lightest atom: 1 fs for carbon and heavier, 0.25 fs for hydrogen. */
export function usualTimestep(structure: Structure): number {
  const lightest = Math.min(...massesOf(structure));
  return lightest > 10 ? 1 : lightest > 3 ? 0.5 : 0.25;
}

/**
 * Molecular dynamics from velocities at `temperature`, first with a thermostat when asked to, then as asked. When the
 * signal fires it ends early, with what it has.
 * @throws NearsightError what `runMd` throws
 */
export async function* simulate(request: SimulationRequest): AsyncGenerator<SimulationStep, SimulationResult> {
  const { structure, potential, ensemble, temperature, every, signal } = request;
  const timestep = request.timestep ?? usualTimestep(structure);
  const random = createRandom(request.seed);
  const velocities = maxwellBoltzmann(massesOf(structure), temperature, random, { exact: true });
  const thermostat = langevin(timestep, { temperature, friction: request.friction ?? FRICTION, random });
  let state = startMd(structure, potential, { velocities });
  const equilibration = Math.round((request.equilibration ?? 0) / timestep);
  if (equilibration > 0) {
    state = yield* phase('equilibration', state, thermostat, { potential, steps: equilibration, every, signal });
    state = { ...state, time: 0, step: 0, heat: 0 };
  }
  const steps = Math.round(request.time / timestep);
  const integrator = ensemble === 'nvt' ? thermostat : velocityVerlet(timestep);
  const moments: Moment[] = [];
  const began = performance.now();
  const run = phase('run', state, integrator, { potential, steps, every, signal });
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    const { state: _, ...moment } = next.value.sample;
    moments.push(moment);
    yield next.value;
  }
  const last = next.value;
  return {
    atoms: structure.numbers.length,
    timestep,
    steps: last.step,
    seconds: (performance.now() - began) / 1000,
    moments,
    drift: moments.length < 3 ? null : conservedDrift(moments, structure.numbers.length),
    ...averages(moments),
    last,
  };
}

interface PhaseOptions {
  readonly potential: Potential;
  readonly steps: number;
  readonly every: number;
  readonly signal: AbortSignal | undefined;
}

async function* phase(
  name: SimulationStep['phase'],
  start: MdState,
  integrator: Integrator,
  { potential, steps, every, signal }: PhaseOptions,
): AsyncGenerator<SimulationStep, MdState> {
  const run = runMd(start, potential, { integrator, steps, every, ...(signal && { signal }) });
  let next = await run.next();
  for (; !next.done; next = await run.next()) yield { phase: name, sample: next.value, steps };
  return next.value;
}

function averages(
  moments: readonly Moment[],
): Pick<SimulationResult, 'temperature' | 'temperatureDeviation' | 'pressure'> {
  const half = moments.slice(Math.floor(moments.length / 2));
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
  const temperatures = half.map((moment) => moment.temperature);
  const pressures = half.map((moment) => moment.pressure).filter((pressure) => pressure !== null);
  const temperature = mean(temperatures);
  return {
    temperature,
    temperatureDeviation: Math.sqrt(mean(temperatures.map((t) => (t - temperature) ** 2))),
    pressure: pressures.length === 0 ? null : mean(pressures),
  };
}
