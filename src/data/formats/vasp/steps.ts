/** What VASP's outputs have in common: one ionic step, and how it becomes a frame. */
import { atomicNumberOf } from '../../../elements.ts';
import { NearsightError, type Place } from '../../../errors.ts';
import { KBAR } from '../../../units.ts';
import type { AtomArray, Frame, InfoValue, LabelSources } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { FormatOptions } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { frameOf } from '../shared/values.ts';

/** One ionic step as it is collected from a file, in VASP's units and with VASP's signs. */
export interface IonicStep {
  /** Where it starts, from 1. */
  readonly line: number;
  /** As VASP counts, from 1. */
  readonly number: number;
  /** Electronic steps that were made. */
  electronic: number;
  /** VASP says itself that the electrons did not converge. */
  failed?: boolean;
  /** Å, lattice vectors as rows, [9]. */
  cell?: Float64Array;
  /** Cartesian, Å, [3N]. */
  positions?: Float64Array;
  /** eV/Å, [3N]. */
  forces?: Float64Array;
  /** kbar, positive under compression, [9]. */
  kbar?: Float64Array;
  /** TOTEN, whose derivative the forces are, eV. */
  freeEnergy?: number;
  /** Extrapolated to no smearing, eV. */
  energySigma0?: number;
  /** eV. */
  kineticEnergy?: number;
  /** K. */
  temperature?: number;
}

/** What holds for all steps of a calculation. */
export interface VaspRun {
  readonly path: string;
  /** Atomic numbers, [N]. */
  readonly numbers: Int32Array;
  /** Largest number of electronic steps that was allowed (NELM). */
  readonly nelm: number;
  readonly arrays?: Readonly<Record<string, AtomArray>>;
  /** What the labels are called in the file. */
  readonly names: LabelSources;
}

/**
 * The frame of a complete step, or null when the step is skipped because it did not converge. The energy is the free
 * energy, of which the forces and the stress are derivatives; that for sigma → 0 goes into the info `energy_sigma0`.
 * @param index number of the frame in the file, from 0
 * @throws NearsightError `unconverged`, and what `frameOf` throws
 */
export function frameOfStep(run: VaspRun, step: IonicStep, index: number, options: FormatOptions): Frame | null {
  const place = { path: run.path, line: step.line, frame: index };
  if (step.failed === true || step.electronic >= run.nelm) {
    refuseOrSkip(unconverged(run, step, place), options);
    return null;
  }
  const info: Record<string, InfoValue> = { step: step.number };
  if (step.energySigma0 !== undefined) info.energy_sigma0 = step.energySigma0;
  if (step.kineticEnergy !== undefined) info.kinetic_energy = step.kineticEnergy;
  if (step.temperature !== undefined) info.temperature = step.temperature;
  const { cell = new Float64Array(9), positions = new Float64Array(0), forces, kbar, freeEnergy } = step;
  return frameOf(
    {
      structure: { numbers: run.numbers.slice(), positions, cell, pbc: [true, true, true] },
      labels: {
        ...(freeEnergy === undefined ? {} : { energy: freeEnergy }),
        ...(forces === undefined ? {} : { forces }),
        ...(kbar === undefined ? {} : { stress: stressOf(kbar, place) }),
      },
      info,
      ...(run.arrays === undefined ? {} : { arrays: run.arrays }),
      names: run.names,
    },
    place,
  );
}

function unconverged(run: VaspRun, step: IonicStep, place: Place): NearsightError {
  const how =
    step.failed === true
      ? 'ended without reaching EDIFF'
      : `used all ${run.nelm} electronic steps that NELM allows, and so is not known to have converged`;
  return refusal(
    'unconverged',
    `ionic step ${step.number} ${how}`,
    'repeat it with a larger NELM or another ALGO, or ask for unconverged frames to be skipped',
    place,
  );
}

/** VASP computes both halves of the stress; more than this apart is damage, kbar and share of the largest. */
const ASYMMETRY = { kbar: 0.05, share: 0.01 };

/**
 * σ, eV/Å³, positive in tension: VASP prints −σ in kbar. The halves differ in VASP's last digits; the upper one is
 * taken, as ASE does.
 */
function stressOf(kbar: Float64Array, place: Place): Float64Array {
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = kbar;
  const apart = Math.max(Math.abs(xy - yx), Math.abs(xz - zx), Math.abs(yz - zy));
  const largest = kbar.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (apart > ASYMMETRY.kbar + ASYMMETRY.share * largest) {
    throw refusal(
      'bad-label',
      `the stress is not symmetric: two of its halves differ by ${apart.toPrecision(3)} kbar`,
      'the file is damaged: copy it again, or repeat the calculation',
      { ...place, field: 'stress' },
    );
  }
  return Float64Array.of(xx, xy, xz, xy, yy, yz, xz, yz, zz).map((value) => (value === 0 ? 0 : -value * KBAR));
}

/**
 * The atomic number behind VASP's name of a species: `Ti`, `Ti_sv`, `H.5`, `Si/4f2a…`, `O: s2p4`.
 * @throws NearsightError `unknown-element`
 */
export function speciesOf(name: string, place: Place): number {
  const symbol = /^\s*([A-Z][a-z]?)(?![A-Za-z])/.exec(name)?.[1] ?? '';
  try {
    return atomicNumberOf(symbol);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    throw refusal('unknown-element', `${quoted(name.trim())} names no element`, 'mend the name of the species', place);
  }
}

/**
 * The frames, when there are any.
 * @param steps ionic steps that VASP computed @param learned whether a force field of VASP's made others
 * @throws NearsightError `no-frames`
 */
export function someFrames(frames: Frame[], steps: number, learned: boolean, path: string): Frame[] {
  if (frames.length > 0) return frames;
  throw refusal(
    'no-frames',
    steps === 0 ? 'there is no ionic step that VASP computed' : 'no ionic step is complete and converged',
    steps > 0
      ? 'repeat the calculation with a larger NELM or another ALGO, and let it come to its end'
      : learned
        ? 'all steps are predictions of a machine-learned force field, which are not labels'
        : 'is this the right file, and did the calculation reach its first step?',
    { path },
  );
}
