import type { Check, Finding } from '../check.ts';
import { worstOf } from '../probe.ts';
import { curveOf, dimerPaths, type Scan, scanAll } from './paths.ts';

/** Å. */
const STEP = 0.02;

export const dimerMinima: Check = {
  id: 'dimer-minima',
  group: 'curves',
  question: 'Has the energy of each pair of elements one minimum only?',
  unit: 'eV',
  limit: { double: 0.05, single: 0.05 },
  limitReason:
    'Depth of the second deepest well, from the lower one of the barriers around it. 0.05 eV is 2 kT at 300 K: from a ' +
    'shallower one an atom is away after some 10 vibrations; a deeper one holds it where nature has no bond.',
  source: 'Morse 1929, doi:10.1103/PhysRev.34.57: a bond of two atoms has one equilibrium length.',
  async run(context) {
    const scans = await scanAll(context, dimerPaths(context), STEP);
    return { ...worstOf(scans.map(secondWell)), curves: scans.map(curveOf) };
  },
};

interface Well {
  readonly at: number;
  readonly depth: number;
}

function secondWell({ path, x, energy }: Scan): Finding {
  if (energy.some((value) => Number.isNaN(value))) return { value: Number.NaN, detail: path.name };
  const wells: Well[] = [];
  for (let k = 1; k + 1 < energy.length; k++) {
    if (energy[k] < energy[k - 1] && energy[k] <= energy[k + 1]) wells.push({ at: x[k], depth: depthOf(energy, k) });
  }
  wells.sort((a, b) => b.depth - a.depth);
  const show = ({ at, depth }: Well): string => `${at.toFixed(2)} Å (${depth.toPrecision(2)} eV deep)`;
  const list = wells.slice(0, 2).map(show).join(' and ');
  return { value: wells[1]?.depth ?? 0, detail: `${path.name}: ${wells.length === 0 ? 'no minimum' : list}` };
}

/**
 * How far an atom must climb to leave the minimum k for good: to a lower place on either side, or to the end of the
 * curve, where the atoms are apart. There is no way out at the inner end.
 */
function depthOf(energy: readonly number[], k: number): number {
  const barrier = (onwards: 1 | -1): number => {
    let highest = energy[k];
    for (let at = k + onwards; at >= 0 && at < energy.length; at += onwards) {
      if (energy[at] < energy[k]) return highest;
      highest = Math.max(highest, energy[at]);
    }
    return onwards === 1 ? highest : Number.POSITIVE_INFINITY;
  };
  return Math.min(barrier(1), barrier(-1)) - energy[k];
}
