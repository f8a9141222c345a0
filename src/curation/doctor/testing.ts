/** Labels spoilt on purpose, and what is to be said of them: for tests and bench/doctor.ts. */
import type { Frame, Labels } from '../../data/dataset.ts';
import { createRandom } from '../../random.ts';
import { HARTREE, KBAR } from '../../units.ts';
import type { Inspection } from '../inspect.ts';
import { fixDataset } from './fix.ts';

/** A mistake that is made in practice. */
export interface Corruption {
  readonly name: string;
  /** The finding that must come of it; null where nothing is wrong. */
  readonly code: string | null;
  readonly spoil: (frames: readonly Frame[]) => Frame[];
}

const relabelled = (frames: readonly Frame[], change: (labels: Labels, frame: Frame) => Labels): Frame[] =>
  frames.map((frame) => ({ ...frame, labels: { ...frame.labels, ...change(frame.labels, frame) } }));

const withStress = (frames: readonly Frame[], change: (stress: Float64Array) => Float64Array): Frame[] =>
  relabelled(frames, ({ stress }) => (stress === undefined ? {} : { stress: change(stress) }));

const withEnergy = (frames: readonly Frame[], change: (energy: number, frame: Frame) => number): Frame[] =>
  relabelled(frames, ({ energy }, frame) => (energy === undefined ? {} : { energy: change(energy, frame) }));

/** VASP's xx yy zz xy yz zx read as xx yy zz yz xz xy. */
function vaspOrder(s: Float64Array): Float64Array {
  const [yz, xz, xy] = [s[1], s[5], s[2]];
  return Float64Array.of(s[0], xy, xz, xy, s[4], yz, xz, yz, s[8]);
}

/** Forces of a share of all atoms set to zero. */
function zeroed(frames: readonly Frame[], share: number, seed: number): Frame[] {
  const random = createRandom(seed);
  return relabelled(frames, ({ forces }) => {
    if (forces === undefined) return {};
    const some = forces.slice();
    for (let c = 0; c < some.length; c += 3) if (random.uniform() < share) some.fill(0, c, c + 3);
    return { forces: some };
  });
}

/** The energies of one group moved by `shift` eV/atom. */
export function shiftedGroup(frames: readonly Frame[], group: string, shift: number): Frame[] {
  return withEnergy(frames, (energy, frame) =>
    frame.group === group ? energy + shift * frame.structure.numbers.length : energy,
  );
}

export const CORRUPTIONS: readonly Corruption[] = [
  { name: 'as they are', code: null, spoil: (frames) => [...frames] },
  { name: 'stress sign', code: 'stress-sign', spoil: (frames) => withStress(frames, (s) => s.map((v) => -v)) },
  { name: 'stress in kbar', code: 'stress-unit', spoil: (frames) => withStress(frames, (s) => s.map((v) => v / KBAR)) },
  { name: 'Voigt order', code: 'stress-order', spoil: (frames) => withStress(frames, vaspOrder) },
  {
    name: 'energy per atom',
    code: 'energy-per-atom',
    spoil: (frames) => withEnergy(frames, (energy, { structure }) => energy / structure.numbers.length),
  },
  {
    name: 'energy in Hartree',
    code: 'energy-unit',
    spoil: (frames) => withEnergy(frames, (energy) => energy / HARTREE),
  },
  { name: '5 % of forces zero', code: 'zeroed-forces', spoil: (frames) => zeroed(frames, 0.05, 7) },
  { name: 'group + 1 eV/atom', code: 'energy-reference', spoil: (frames) => shiftedGroup(frames, 'Vacancy', 1) },
];

/** How the doctor did. */
export interface Judgement {
  readonly outcome: 'right' | 'repaired' | 'detected' | 'cannot tell' | 'wrong';
  /** Error findings that are not true. */
  readonly falseAlarms: readonly string[];
  /** Largest difference of the repaired labels from the true ones: eV/atom (less a common zero), eV/Å³. */
  readonly energyError: number;
  readonly stressError: number;
}

/**
 * @param found inspection of the spoilt frames @param known codes of errors that the data have of themselves
 */
export function judge(
  { truth, spoilt }: { readonly truth: readonly Frame[]; readonly spoilt: readonly Frame[] },
  { code }: Corruption,
  found: Inspection,
  known: readonly string[] = [],
): Judgement {
  const errors = found.findings.filter(({ severity }) => severity === 'error').map((finding) => finding.code);
  const falseAlarms = errors.filter((error) => error !== code && !known.includes(error));
  if (code === null) {
    return { outcome: falseAlarms.length === 0 ? 'right' : 'wrong', falseAlarms, energyError: 0, stressError: 0 };
  }
  const { dataset, applied } = fixDataset({ frames: spoilt, source: found.source, sha256: '' }, found);
  const differences = differencesOf(truth, dataset.frames);
  const detected = errors.includes(code);
  const repaired = detected && applied.some(({ codes }) => codes.includes(code));
  const outcome = falseAlarms.length > 0 ? 'wrong' : repaired ? 'repaired' : detected ? 'detected' : 'cannot tell';
  return { outcome, falseAlarms, ...differences };
}

function differencesOf(
  truth: readonly Frame[],
  fixed: readonly Frame[],
): Pick<Judgement, 'energyError' | 'stressError'> {
  const byIndex = new Map(truth.map((frame) => [frame.index, frame]));
  const energies: number[] = [];
  let stressError = 0;
  for (const { index, labels, structure } of fixed) {
    const right = byIndex.get(index)?.labels;
    if (right?.energy !== undefined && labels.energy !== undefined) {
      energies.push((labels.energy - right.energy) / structure.numbers.length);
    }
    for (let c = 0; c < 9; c++) {
      if (right?.stress === undefined || labels.stress === undefined) continue;
      stressError = Math.max(stressError, Math.abs(labels.stress[c] - right.stress[c]));
    }
  }
  energies.sort((a, b) => a - b);
  const zero = energies[energies.length >> 1] ?? 0;
  return { energyError: Math.max(0, ...energies.map((energy) => Math.abs(energy - zero))), stressError };
}
