/** What LAMMPS' data files and dumps have in common: styles of units, boxes, and elements of numbered atom types. */
import { massOf, symbolOf } from '../../../elements.ts';
import type { Place } from '../../../errors.ts';
import { ATOMIC_MASS, BOHR, ELEMENTARY_CHARGE, HARTREE, KCAL_PER_MOL } from '../../../units.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { FormatOptions } from '../format.ts';
import { elementAt } from '../shared/symbols.ts';

/** What the units of a style are in nearsight's (velocity: Å/fs). */
export interface LammpsUnits {
  readonly length: number;
  readonly force: number;
  readonly velocity: number;
  readonly mass: number;
  readonly charge: number;
}

/** 1 J in eV. */
const JOULE = 1 / ELEMENTARY_CHARGE;
/**
 * https://docs.lammps.org/units.html, but for the velocities of style `electron`: by the manual they are in bohr per
 * "atomic time unit" of 1.03275 fs, while LAMMPS itself moves atoms and computes temperatures in bohr/fs.
 */
const STYLES: Readonly<Record<string, LammpsUnits>> = {
  metal: { length: 1, force: 1, velocity: 1e-3, mass: 1, charge: 1 },
  real: { length: 1, force: KCAL_PER_MOL, velocity: 1, mass: 1, charge: 1 },
  electron: { length: BOHR, force: HARTREE / BOHR, velocity: BOHR, mass: 1, charge: 1 },
  si: { length: 1e10, force: JOULE / 1e10, velocity: 1e-5, mass: 1 / ATOMIC_MASS, charge: JOULE },
};
const KNOWN = Object.keys(STYLES).join(', ');

/**
 * The units of a file. Where neither it nor the user tells, lengths are in Å, as in the two styles for atoms, and what
 * differs between those (forces, velocities) is to be refused with `unitsNeeded`.
 * @param told what the file says, '' where it says nothing
 * @throws NearsightError `unknown-units`, `contradicting-units`
 */
export function lammpsUnits(told: string, options: FormatOptions, place: Place): LammpsUnits & { known: boolean } {
  const here = { ...place, field: 'units' };
  const asked = options.units;
  for (const name of [told, asked ?? '']) {
    if (name === '' || Object.hasOwn(STYLES, name)) continue;
    const hint = `lengths in Å can be had from the styles ${KNOWN}; write the file again in one of them`;
    throw refusal('unknown-units', `the units ${quoted(name)} are no style that can be converted`, hint, here);
  }
  if (told !== '' && asked !== undefined && told !== asked) {
    const message = `the file says units ${told}, but the units ${asked} were asked for`;
    throw refusal('contradicting-units', message, `leave out --units ${asked}`, here);
  }
  const name = told === '' ? asked : told;
  return { ...STYLES[name ?? 'metal'], known: name !== undefined };
}

/** The refusal of forces or velocities whose unit nobody told. */
export function unitsNeeded(what: string, place: Place): Error {
  return refusal(
    'missing-units',
    `the file has ${what} but does not say in which units`,
    'say --units metal (eV/Å, Å/ps), --units real (kcal/mol/Å, Å/fs), electron or si: the style of the LAMMPS input',
    { ...place, field: 'units' },
  );
}

/** The lower-triangular cell of edges and tilts, [9]. */
export function boxCell(edges: readonly number[], tilts: readonly number[] = [0, 0, 0]): Float64Array {
  return Float64Array.of(edges[0], 0, 0, tilts[0], edges[1], 0, tilts[1], tilts[2], edges[2]);
}

/** @throws NearsightError `bad-box` unless `low` is below `high` */
export function edgeOf(low: number, high: number, place: Place): number {
  if (high > low) return high - low;
  throw refusal('bad-box', `the box reaches from ${low} to ${high}`, 'the upper bound must lie above the lower', {
    ...place,
    field: 'box',
  });
}

/** Indices of the rows in the order of their ids. */
export function orderById(ids: ArrayLike<number>, place: Place): number[] {
  const order = Array.from(ids, (_, k) => k).sort((a, b) => ids[a] - ids[b]);
  for (let k = 1; k < order.length; k++) {
    if (ids[order[k]] !== ids[order[k - 1]]) continue;
    const message = `the id ${ids[order[k]]} occurs twice`;
    throw refusal('duplicate-id', message, 'each atom needs an id of its own', { ...place, field: 'id' });
  }
  return order;
}

/** Masses belong to an element when they differ from its standard mass by no more than this, u. */
const MASS_TOLERANCE = 0.1;
/** A label and a mass that clearly belongs to another element contradict each other beyond this, u: isotopes differ. */
const ISOTOPES = 2.1;

/** What a file tells of an atom type. */
export interface TypeHints {
  /** A word that may be a symbol. */
  readonly label?: string;
  /** u. */
  readonly mass?: number;
}

/** Atomic numbers of the elements with about this mass (u), nearest first. */
export function elementsOfMass(mass: number): number[] {
  const off = (z: number): number => Math.abs(massOf(z) - mass);
  return Array.from({ length: 96 }, (_, k) => k + 1)
    .filter((z) => off(z) <= MASS_TOLERANCE)
    .sort((a, b) => off(a) - off(b));
}

/**
 * The element of an atom type: what the user said of it, else its label where that is a symbol, else its mass where
 * that belongs to one element only.
 * @throws NearsightError `missing-elements`, `ambiguous-element`, `unknown-element`
 */
export function elementOfType(type: number, hints: TypeHints, options: FormatOptions, place: Place): number {
  const here = { ...place, field: 'elements' };
  const { elements } = options;
  if (elements !== undefined) {
    if (type <= elements.length) return elementAt(elements[type - 1], here);
    const message = `the file has atoms of type ${type}, but ${elements.length} elements were named`;
    throw refusal('missing-elements', message, 'name the elements of all types in order: --elements Si,O', here);
  }
  const { label, mass } = hints;
  const byMass = mass === undefined ? [] : elementsOfMass(mass);
  const byLabel = label !== undefined && /^[A-Z][a-z]?$/.test(label) ? knownElement(label) : undefined;
  if (byLabel !== undefined) {
    const contradicted = byMass.length === 1 && Math.abs(massOf(byMass[0]) - massOf(byLabel)) > ISOTOPES;
    if (!contradicted) return byLabel;
    const message = `type ${type} is called ${label}, but has the mass of ${symbolOf(byMass[0])}, ${mass} u`;
    throw refusal('ambiguous-element', message, 'name the elements of all types with --elements', here);
  }
  if (byMass.length === 1) return byMass[0];
  const which = byMass.map(symbolOf).join(' or ');
  throw refusal(
    byMass.length > 1 ? 'ambiguous-element' : 'missing-elements',
    mass === undefined
      ? `nothing tells which element the atoms of type ${type} are`
      : `the mass of type ${type}, ${mass} u, is that of ${which === '' ? 'no element' : which}`,
    'name the elements of the types 1, 2, … with --elements, as in --elements Si,O',
    here,
  );
}

function knownElement(label: string): number | undefined {
  try {
    return elementAt(label, {});
  } catch {
    return undefined;
  }
}
