/** The atoms of the asymmetric unit of a CIF block. */
import { atomicNumberOf } from '../../../elements.ts';
import type { Place } from '../../../errors.ts';
import { quoted, refusal } from '../../refuse.ts';
import { type CifBlock, type CifValue, cifNumber, known } from './syntax.ts';

export interface Site {
  /** Atomic number. */
  readonly element: number;
  readonly label: string;
  readonly fractional: readonly number[] | null;
  /** Å. */
  readonly cartesian: readonly number[] | null;
  readonly line: number;
}

/** Occupancies are written with few digits. */
const FULL = 0.999;

/**
 * All sites, in the order of the file.
 * @throws NearsightError `no-atoms`, `missing-coordinates`, `unknown-element`, `partial-occupancy`
 */
export function asymmetricUnit(block: CifBlock, place: Place): Site[] {
  const column = (name: string): readonly CifValue[] => {
    const tag = `_atom_site_${name}`;
    const single = block.items.get(tag);
    return block.columns.get(tag) ?? (single === undefined ? [] : [single]);
  };
  const labels = column('label');
  const types = column('type_symbol');
  const occupancies = column('occupancy');
  const kinds = column('calc_flag');
  const fractional = ['fract_x', 'fract_y', 'fract_z'].map(column);
  const cartesian = ['cartn_x', 'cartn_y', 'cartn_z'].map(column);
  const count = Math.max(fractional[0].length, cartesian[0].length);
  const sites: Site[] = [];
  for (let k = 0; k < count; k++) {
    // Dummy sites mark places, not atoms.
    if (known(kinds[k]) === 'dum') continue;
    const { line } = fractional[0][k] ?? cartesian[0][k];
    const here = { ...place, line };
    const label = known(labels[k]) ?? known(types[k]) ?? '';
    const site = { label, line, fractional: triple(fractional, k, here), cartesian: triple(cartesian, k, here) };
    if (site.fractional === null && site.cartesian === null) {
      const hint = 'give three coordinates to each atom, or remove it';
      throw refusal('missing-coordinates', `the site ${quoted(label)} has no complete coordinates`, hint, here);
    }
    checkOccupancy(occupancies[k], label, here);
    sites.push({ ...site, element: elementOf(known(types[k]), label, here) });
  }
  if (sites.length > 0) return sites;
  const hint = 'a crystal needs a loop of _atom_site_label, _atom_site_fract_x, _atom_site_fract_y, _atom_site_fract_z';
  throw refusal('no-atoms', 'the data block has a cell but no atoms', hint, place);
}

function triple(columns: readonly (readonly CifValue[])[], row: number, place: Place): number[] | null {
  const values = columns.map((column) => column[row]);
  if (values.some((value) => known(value) === null)) return null;
  return values.map((value) => cifNumber(value, 'a coordinate', place));
}

function checkOccupancy(value: CifValue | undefined, label: string, place: Place): void {
  if (value === undefined || known(value) === null) return;
  const here = { ...place, field: '_atom_site_occupancy' };
  const share = cifNumber(value, 'the occupancy', here);
  if (share >= FULL && share <= 2 - FULL) return;
  throw refusal(
    'partial-occupancy',
    `the site ${quoted(label)} is occupied by ${share}: the crystal is disordered`,
    'build an ordered model of it: a supercell in which each site holds one atom or none',
    here,
  );
}

/** From the type symbol (`Si4+`, `O2-`), else from the label, which begins with it (`Si1`, `O12A`). */
function elementOf(type: string | null, label: string, place: Place): number {
  const text = type ?? label;
  const letters = /^[A-Za-z]{1,2}/.exec(text)?.[0] ?? '';
  if (type !== null) {
    // Nothing but a charge or a number may follow.
    const whole = /^([A-Za-z]{1,2})(?:[\d+\-.].*)?$/.exec(type)?.[1] ?? '';
    const z = numberOf(whole);
    if (z !== undefined) return z;
  } else {
    // `CU1` may be copper or the carbon U1; `OH1` can only be oxygen.
    const two = letters.length === 2 ? numberOf(letters) : undefined;
    const word = /^[A-Za-z]+/.exec(label)?.[0] ?? '';
    const one = word.length > 2 ? undefined : numberOf(letters.slice(0, 1));
    const plain = /^[A-Z][a-z]$/.test(letters) || one === undefined;
    if (two !== undefined && plain) return two;
    if (one !== undefined && two === undefined) return one;
  }
  throw refusal(
    'unknown-element',
    `${quoted(text)} does not tell which element the site ${quoted(label)} is`,
    'add a column _atom_site_type_symbol with the symbols of the elements',
    { ...place, field: type === null ? '_atom_site_label' : '_atom_site_type_symbol' },
  );
}

/** Atomic number, whatever the case; heavy hydrogen is hydrogen. */
function numberOf(letters: string): number | undefined {
  const symbol = letters.slice(0, 1).toUpperCase() + letters.slice(1).toLowerCase();
  if (symbol === 'D' || symbol === 'T') return 1;
  try {
    return atomicNumberOf(symbol);
  } catch {
    return undefined;
  }
}
