/** Mends what can be mended without doubt, and says what it did. */
import type { Dataset, Frame, Labels } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import type { Inspection } from '../inspect.ts';
import { correctedStress, type EnergyHypothesis, energyCorrection, type StressHypothesis } from './conventions.ts';
import { settledEnergies, settledStress } from './diagnosis.ts';
import { duplicateSets, redundantFrames } from './duplicates.ts';
import type { Finding } from './finding.ts';
import { absentAsZero } from './label-findings.ts';

/** One thing that was mended. */
export interface Applied {
  /** Codes of the findings that it answers. */
  readonly codes: readonly string[];
  /** Frames of the data set as it was that were changed or left out; empty for all of them. */
  readonly frames: readonly number[];
  readonly what: string;
}

/** A data set in which everything unambiguous was mended, and the ledger. */
export interface FixedDataset {
  readonly dataset: Dataset;
  readonly applied: readonly Applied[];
}

/**
 * Conventions are converted, zeros of energy moved, labels that are none taken away, unusable and repeated frames left out.
 * Only what the inspection found beyond doubt (`fixable`) is touched; nothing is invented.
 * @param inspection of this very data set
 */
export function fixDataset(dataset: Dataset, inspection: Inspection): FixedDataset {
  const applied: Applied[] = [];
  const fixable = new Map(inspection.findings.filter((one) => one.fixable).map((one) => [one.code, one]));
  let frames: readonly Frame[] = dataset.frames;
  const change = (codes: readonly string[], what: string, mend: (frame: Frame, index: number) => Frame): void => {
    const found = codes.map((code) => fixable.get(code)).filter((one) => one !== undefined);
    if (found.length === 0) return;
    frames = frames.map(mend);
    applied.push({ codes: found.map(({ code }) => code), frames: found[0].frames, what });
  };

  const energies = settledEnergies(inspection.verdicts);
  if (energies !== null) {
    change(['energy-per-atom', 'energy-unit', 'force-sign'], energyWords(energies), (frame) =>
      withEnergies(frame, energies),
    );
  }
  change(
    ['stress-sign', 'stress-unit', 'stress-order'],
    'stresses converted to eV/Å³, positive in tension, xx yy zz yz xz xy',
    (frame) => withStress(frame, settledStress(inspection.verdicts, frame.group)),
  );
  const shifts = new Map(inspection.groupShifts.map(({ group, shift }) => [group, shift]));
  const shifted = new Set(fixable.get('energy-reference')?.frames);
  change(['energy-reference'], shiftWords(inspection, shifted, dataset.frames), (frame, index) =>
    shifted.has(index)
      ? withLabels(frame, {
          energy: (frame.labels.energy ?? Number.NaN) - (shifts.get(frame.group) ?? 0) * frame.structure.numbers.length,
        })
      : frame,
  );
  const zeroed = new Set(fixable.get('zeroed-forces')?.frames);
  change(['zeroed-forces'], 'forces of these frames left out', (frame, index) =>
    zeroed.has(index) ? without(frame, 'forces') : frame,
  );
  const zero = absentAsZero(dataset.frames);
  change(['zero-label'], 'energies and stresses of exactly zero left out', (frame, index) => {
    const whole = zero.energy.has(index) ? without(frame, 'energy') : frame;
    return zero.stress.has(index) ? without(whole, 'stress') : whole;
  });
  const left = leftOut(dataset.frames, fixable, applied);
  return { dataset: { ...dataset, frames: frames.filter((_, index) => !left.has(index)), sha256: '' }, applied };
}

function energyWords({ scale, unit, sign }: EnergyHypothesis): string {
  const words = [
    scale === 'per-atom' ? 'energies multiplied by the number of atoms' : '',
    unit === 'ok' ? '' : 'energies and forces converted to eV and eV/Å',
    sign === 'opposite' ? 'signs of the forces changed' : '',
  ];
  return words.filter((word) => word !== '').join(', ');
}

function withEnergies(frame: Frame, energies: EnergyHypothesis): Frame {
  const { energy, forces } = frame.labels;
  const factor = energyCorrection(energies, frame.structure.numbers.length);
  return withLabels(frame, {
    ...(energy === undefined ? {} : { energy: energy * factor.energy }),
    ...(forces === undefined || factor.forces === 1 ? {} : { forces: forces.map((value) => value * factor.forces) }),
  });
}

function withStress(frame: Frame, convention: StressHypothesis | null): Frame {
  const { stress } = frame.labels;
  if (stress === undefined || convention === null) return frame;
  const cell = { volume: cellVolume(frame.structure.cell), atoms: frame.structure.numbers.length };
  return withLabels(frame, { stress: correctedStress(stress, convention, cell) });
}

function shiftWords({ groupShifts }: Inspection, shifted: ReadonlySet<number>, frames: readonly Frame[]): string {
  const groups = new Set([...shifted].map((index) => frames[index].group));
  const words = groupShifts
    .filter(({ group }) => groups.has(group))
    .map(({ group, shift, error }) => `${group} by ${(-shift).toFixed(4)} ± ${error.toFixed(4)} eV/atom`);
  return `energies shifted: ${words.join(', ')}`;
}

function withLabels(frame: Frame, labels: Labels): Frame {
  return { ...frame, labels: { ...frame.labels, ...labels } };
}

function without(frame: Frame, label: keyof Labels): Frame {
  const { [label]: _, ...labels } = frame.labels;
  return { ...frame, labels };
}

/** Frames to be left out: unusable ones, and those that repeat others and add no label to them. */
function leftOut(frames: readonly Frame[], fixable: ReadonlyMap<string, Finding>, applied: Applied[]): Set<number> {
  const left = new Set<number>();
  const unusable = fixable.get('unusable-frame');
  if (unusable !== undefined) {
    for (const index of unusable.frames) left.add(index);
    applied.push({ codes: [unusable.code], frames: unusable.frames, what: 'unusable frames left out' });
  }
  const repeated = fixable.get('duplicate-frames');
  if (repeated !== undefined) {
    const copies = duplicateSets(frames)
      .plain.flatMap((set) => redundantFrames(frames, set))
      .sort((a, b) => a - b);
    for (const index of copies) left.add(index);
    applied.push({
      codes: [repeated.code],
      frames: copies,
      what: 'copies left out; of each the one with the most labels kept, the first of several',
    });
  }
  return left;
}
