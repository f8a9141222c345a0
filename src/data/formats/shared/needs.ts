/** What formats of other programs need of a frame, and refusals where filling the gap would make a number up. */
import type { Place } from '../../../errors.ts';
import type { Structure } from '../../../structure/structure.ts';
import type { Labels } from '../../dataset.ts';
import { refusal } from '../../refuse.ts';

/** @throws NearsightError `unwritable-boundary` unless all directions repeat, or none does */
export function requireWholePeriodicity({ pbc }: Structure, format: string, place: Place): void {
  if (pbc[0] === pbc[1] && pbc[1] === pbc[2]) return;
  const told = pbc.map((repeats) => (repeats ? 'T' : 'F')).join(' ');
  throw refusal(
    'unwritable-boundary',
    `the structure has pbc="${told}", but ${format} repeats either all directions or none`,
    'where the cell holds enough vacuum, set pbc="T T T" in the file that is converted',
    { ...place, field: 'pbc' },
  );
}

/** @throws NearsightError `unwritable-boundary` unless all directions repeat */
export function requirePeriodic({ pbc }: Structure, format: string, place: Place): void {
  if (pbc[0] && pbc[1] && pbc[2]) return;
  const told = pbc.map((repeats) => (repeats ? 'T' : 'F')).join(' ');
  throw refusal(
    'unwritable-boundary',
    `the structure has pbc="${told}", but ${format} repeats all directions`,
    'put molecules and slabs into a cell with more vacuum than the cutoff and set pbc="T T T"',
    { ...place, field: 'pbc' },
  );
}

/**
 * Energy and forces, for formats that have a number for both in any case.
 * @throws NearsightError `unwritable-missing-energy`, `unwritable-missing-forces`
 */
export function requireEnergyAndForces(
  labels: Labels | undefined,
  format: string,
  place: Place,
): { readonly energy: number; readonly forces: Float64Array } {
  const { energy, forces } = labels ?? {};
  if (energy !== undefined && forces !== undefined) return { energy, forces };
  const missing = energy === undefined ? 'energy' : 'forces';
  throw refusal(
    `unwritable-missing-${missing}`,
    `the frame has no ${missing}, and ${format} would take what stands in their place for a label`,
    'label the frame, or leave it out',
    { ...place, field: missing },
  );
}
