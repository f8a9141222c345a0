/** Data sets against each other. */
import type { Dataset, Frame } from '../../data/dataset.ts';
import { type Finding, finding } from './finding.ts';
import { findShifts } from './shifts.ts';

/** Energies of the same composition that are farther apart than this have another zero, eV/atom: nothing binds so strongly. */
const OTHER_ZERO = 3;

/**
 * Whether the energies of several data sets can stand side by side in one training set: null where they can, or where there
 * is nothing to compare. Its `frames` are empty: it is about the files.
 */
export function compareDatasets(datasets: readonly Dataset[]): Finding | null {
  if (datasets.length < 2) return null;
  const names = datasets.map(({ source }, k) =>
    datasets.findIndex((other) => other.source === source) === k ? source : `${source} (${k + 1})`,
  );
  const frames = datasets.flatMap(({ frames: all }, k) => all.map((frame): Frame => ({ ...frame, group: names[k] })));
  const usable = frames.flatMap(({ labels, structure }, index) =>
    Number.isFinite(labels.energy ?? Number.NaN) && structure.numbers.length > 1 ? [index] : [],
  );
  const energyOf = (index: number): number | undefined => frames[index].labels.energy;
  const { groups } = findShifts(frames, usable, { says: [], energyOf });
  const far = groups.filter(({ shift }) => Math.abs(shift) > OTHER_ZERO);
  if (far.length === 0) return null;
  const [most] = [...far].sort((a, b) => Math.abs(b.shift) - Math.abs(a.shift));
  const words = far.slice(0, 4).map(({ group, shift }) => `${group} by ${shift.toFixed(1)} eV/atom`);
  return finding({ code: 'mixed-references', severity: 'warning' }, [], {
    message: `the energies of these files have different zeros or units: beyond their composition, ${words.join(', ')} from the others`,
    hint: 'pseudopotentials, all electrons or relative energies: do not mix them in one training set without shifting them',
    evidence: { shift_eV_per_atom: most.shift },
  });
}
