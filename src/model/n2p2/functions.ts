/**
 * Lines of symmetry functions in `input.nn`. Within these files all lengths are those of the file; numbering of the
 * types and order of the arguments: n2p2's documentation, "Symmetry function types".
 *
 * n2p2 sorts the functions of an element before it numbers them, whatever the order of the lines: scaling.data and
 * weights.*.data count in sorted order, nearsight keeps the order of the lines.
 */
import { formatReal } from '../../data/decimal.ts';
import { countOf, numberOf } from '../../data/formats/shared/values.ts';
import { refusal } from '../../data/refuse.ts';
import type { Place } from '../../errors.ts';
import type { AngularFunction, RadialFunction, SymmetryFunction } from '../../kernels/symmetry.ts';

const TYPES: readonly number[] = [2, 3, 9, 12, 13];
const KNOWN = 'known are 2 (radial), 3 (narrow angular), 9 (wide angular), 12 and 13 (weighted radial and angular)';

/** Arguments behind the neighbours, as a line of `type` has them. */
const ARGUMENTS: Readonly<Record<number, readonly string[]>> = {
  2: ['eta', 'rshift', 'rcutoff'],
  3: ['eta', 'lambda', 'zeta', 'rcutoff', 'rshift'],
  9: ['eta', 'lambda', 'zeta', 'rcutoff', 'rshift'],
  12: ['eta', 'rshift', 'rcutoff'],
  13: ['eta', 'rshift', 'lambda', 'zeta', 'rcutoff'],
};

const neighbourCount = (type: number): number => (type === 2 ? 1 : type === 3 || type === 9 ? 2 : 0);

/** Number of a type that `word` names. */
export function functionType(word: string, place: Place): number {
  const type = countOf(word, 'the type of a symmetry function', place, { least: 0, most: 999 });
  if (TYPES.includes(type)) return type;
  const message = `symmetry functions of type ${type} are not known to nearsight`;
  throw refusal('unsupported-potential', message, KNOWN, place);
}

/** All choices of neighbour species for a type: what the keywords without neighbours stand for. */
export function allNeighbours(type: number, species: number): number[][] {
  const each = Array.from({ length: species }, (_, s) => s);
  const count = neighbourCount(type);
  if (count === 0) return [[]];
  return count === 1 ? each.map((s) => [s]) : each.flatMap((a) => each.slice(a).map((b) => [a, b]));
}

/**
 * A symmetry function from the words of its line behind the type.
 * @param speciesAt species index of an element's symbol @param given neighbours, where the line does not name them
 */
export function readFunction(
  type: number,
  words: readonly string[],
  place: Place,
  species: { readonly speciesAt: (symbol: string) => number; readonly given?: readonly number[] },
): SymmetryFunction {
  const own = species.given === undefined ? neighbourCount(type) : 0;
  const names = ARGUMENTS[type];
  const optional = type === 3 || type === 9 ? 1 : 0;
  const count = words.length - own;
  if (count > names.length || count < names.length - optional) {
    const neighbours = Array.from({ length: own }, (_, k) => `element${own > 1 ? k + 1 : ''}`);
    const message = `a symmetry function of type ${type} has ${own + names.length} arguments, found ${words.length}`;
    const last = optional > 0 ? '; the last one may be left out' : '';
    throw refusal('wrong-column-count', message, `write ${[...neighbours, ...names].join(' ')}${last}`, place);
  }
  const neighbours = (species.given ?? words.slice(0, own).map(species.speciesAt)).toSorted((a, b) => a - b);
  const value = (name: string): number => {
    const k = own + names.indexOf(name);
    return k < words.length ? numberOf(words[k], name, place) : 0;
  };
  const gaussian = { eta: value('eta'), shift: value('rshift'), cutoff: value('rcutoff') };
  if (gaussian.eta < 0) throw bad(`eta is ${gaussian.eta}`, 'it is the width of a Gaussian, at least 0', place);
  if (gaussian.cutoff <= 0) throw bad(`the cutoff radius is ${gaussian.cutoff}`, 'it is a positive length', place);
  if (type === 2 || type === 12) return { kind: 'radial', neighbour: type === 2 ? neighbours[0] : null, ...gaussian };
  const pair = type === 13 ? null : ([neighbours[0], neighbours[1]] as const);
  return { kind: type === 9 ? 'wide' : 'narrow', neighbours: pair, ...angular(value, place), ...gaussian };
}

function angular(value: (name: string) => number, place: Place): Pick<AngularFunction, 'lambda' | 'zeta'> {
  const [lambda, zeta] = [value('lambda'), value('zeta')];
  if (lambda !== 1 && lambda !== -1) throw bad(`lambda is ${lambda}`, 'it is 1 or −1', place);
  if (zeta < 1) throw bad(`zeta is ${zeta}`, 'nearsight knows exponents from 1 on', place);
  return { lambda, zeta };
}

const bad = (what: string, hint: string, place: Place): Error => {
  return refusal('unsupported-potential', `${what} in a symmetry function`, hint, place);
};

const typeOf = (f: SymmetryFunction): number => {
  if (f.kind === 'radial') return f.neighbour === null ? 12 : 2;
  return f.neighbours === null ? 13 : f.kind === 'wide' ? 9 : 3;
};

/** Words of a line behind its keyword; `symbols` of the species, whose numbers are those of nearsight. */
export function functionWords(centre: string, f: SymmetryFunction, symbols: readonly string[]): string {
  const type = typeOf(f);
  const partners = f.kind === 'radial' ? radialPartners(f) : (f.neighbours ?? []);
  const named: Readonly<Record<string, number>> = {
    eta: f.eta,
    rshift: f.shift,
    rcutoff: f.cutoff,
    ...(f.kind === 'radial' ? {} : { lambda: f.lambda, zeta: f.zeta }),
  };
  const numbers = ARGUMENTS[type].map((name) => formatReal(named[name]));
  return [centre, type, ...partners.map((s) => symbols[s]), ...numbers].join(' ');
}

const radialPartners = ({ neighbour }: RadialFunction): number[] => (neighbour === null ? [] : [neighbour]);

/** What n2p2 sorts by; the first that differs decides. */
function sortKey(f: SymmetryFunction): number[] {
  const gaussian = [typeOf(f), f.cutoff, f.eta, f.shift];
  return f.kind === 'radial'
    ? [...gaussian, ...radialPartners(f)]
    : [...gaussian, f.zeta, f.lambda, ...(f.neighbours ?? [])];
}

/** n2p2's order of the functions of one element: place k holds the index of the function that n2p2 numbers k + 1. */
export function sortedOrder(functions: readonly SymmetryFunction[]): number[] {
  const keys = functions.map(sortKey);
  return keys.map((_, index) => index).sort((a, b) => compare(keys[a], keys[b]) || a - b);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [k, x] of a.entries()) if (x !== b[k]) return x < b[k] ? -1 : 1;
  return 0;
}

/** The function with lengths in Å, from the unit of the file. */
export function inAngstrom(f: SymmetryFunction, unit: number): SymmetryFunction {
  return { ...f, eta: f.eta / (unit * unit), shift: f.shift * unit, cutoff: f.cutoff * unit };
}
