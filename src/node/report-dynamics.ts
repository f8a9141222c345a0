/** The simulation of a report. */
import { NearsightError } from '../errors.ts';
import type { LoadedPotential } from '../model/index.ts';
import { buildNeighbourList, type Structure } from '../structure/index.ts';
import type { CheckResult } from '../validation/index.ts';
import { type ReportStep, staged } from './report-step.ts';
import type { SimulationRequest, SimulationResult, simulate } from './simulate.ts';
import { enlarged } from './trust.ts';

/** Of what, how hot, and with which random numbers. */
export interface DynamicsRequest {
  readonly potential: LoadedPotential;
  /** K. */
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Pairs of neighbours of an atom, summed over the atoms of a step of dynamics, and steps. */
const MOST_TRIPLETS = 1e6;
const STEPS = { equilibration: 1000, time: 5000 } as const;
const ATOMS = { least: 32, most: 500 } as const;

/**
 * A picosecond to equilibrate, five to look, on some 500 atoms; on fewer and for less time where atoms have so many
 * neighbours that it would take very long. No clock decides: the same model gives the same run.
 */
export function dynamicsPlan(
  { potential, temperature, seed, signal }: DynamicsRequest,
  structure: Structure,
): SimulationRequest {
  const triplets = tripletsPerAtom(structure, potential.cutoff);
  const atoms = Math.round(Math.min(ATOMS.most, Math.max(ATOMS.least, MOST_TRIPLETS / triplets)));
  const start = enlarged(structure, atoms);
  const share = Math.min(1, MOST_TRIPLETS / (triplets * start.numbers.length));
  const long = (fs: number): number => Math.max(100, 50 * Math.round((share * fs) / 50));
  return {
    ...{ structure: start, potential, temperature, seed, signal },
    ...{ ensemble: 'nve', time: long(STEPS.time), equilibration: long(STEPS.equilibration), every: 10 },
  };
}

/** Pairs of neighbours of an atom, in the mean. */
function tripletsPerAtom(structure: Structure, cutoff: number): number {
  const { first } = buildNeighbourList(structure, cutoff);
  const counts = Array.from(structure.numbers, (_, i) => first[i + 1] - first[i]);
  return Math.max(1, counts.reduce((sum, n) => sum + (n * (n + 1)) / 2, 0) / counts.length);
}

/** What came of a simulation; one that exploded is a finding about the potential, not the end of the report. */
export async function* survived(
  work: ReturnType<typeof simulate>,
): AsyncGenerator<ReportStep, SimulationResult | NearsightError> {
  try {
    return yield* staged('dynamics', work, ({ sample, steps }) => ({ done: sample.step, total: steps }));
  } catch (error) {
    if (error instanceof NearsightError && ['md-exploded', 'atoms-too-close'].includes(error.code)) return error;
    throw error;
  }
}

/** The failed check that an exploded simulation stands for. */
export function exploded({ message }: NearsightError, temperature: number): CheckResult {
  return {
    id: 'dynamics',
    group: 'dynamics',
    question: `Do the atoms stay together through some picoseconds from ${temperature} K?`,
    unit: 'explosions',
    value: 1,
    limit: 0,
    limitReason: 'a simulation that explodes says nothing of the material',
    source: 'the simulation of this report',
    verdict: 'fail',
    reason: message,
  };
}
