/** What `input.nn` says of a potential; numbers are still in the units of the file. */
import { elementAt } from '../../data/formats/shared/symbols.ts';
import { numberOf } from '../../data/formats/shared/values.ts';
import type { InputFile } from '../../data/index.ts';
import { quoted, refusal } from '../../data/refuse.ts';
import { symbolOf } from '../../elements.ts';
import type { Place } from '../../errors.ts';
import type { Activation, CutoffKind, SymmetryFunction } from '../../kernels/symmetry.ts';
import { allNeighbours, functionType, readFunction } from './functions.ts';
import {
  type Entry,
  entriesOf,
  entryOf,
  isThere,
  type Keywords,
  numberAt,
  readKeywords,
  required,
  sizeAt,
  wordsCounted,
} from './keywords.ts';

/** How a function is scaled: x = S_min + (S_max − S_min)(G − …)/…, see `scaling.ts`. */
export interface ScalingRule {
  readonly kind: 'none' | 'range' | 'centre' | 'range-centre' | 'sigma';
  readonly min: number;
  readonly max: number;
}

export interface N2p2Settings {
  readonly path: string;
  /** Atomic numbers, ascending, as n2p2 sorts them. */
  readonly elements: readonly number[];
  /** Functions of each element in the order of their lines; lengths in the unit of the file. */
  readonly functions: readonly (readonly SymmetryFunction[])[];
  readonly cutoffKind: CutoffKind;
  readonly inner: number;
  readonly hidden: readonly [number, number];
  readonly activation: Activation;
  readonly scaling: ScalingRule;
  /** Energy of an atom before its network speaks, in the unit of the file. */
  readonly offsets: readonly number[];
  /** What the networks give is in units of the file's energy unit divided by this. */
  readonly energyFactor: number;
  readonly toldUnits: Keywords['toldUnits'];
}

/** Wider layers are no potential that anybody trained. */
const WIDEST = 10_000;
const MOST_FUNCTIONS = 10_000;

/**
 * @throws NearsightError with file, line and keyword: `unsupported-potential` for what nearsight can't hold,
 *   `missing-key`, `duplicate-key`, `wrong-column-count`, `bad-number`, `bad-count`, `unknown-element`
 */
export function readSettings(file: InputFile): N2p2Settings {
  const keywords = readKeywords(file);
  refuseOtherTypes(keywords);
  const elements = readElements(keywords);
  return {
    path: file.path,
    elements,
    functions: readFunctions(keywords, elements),
    ...readCutoff(required(keywords, 'cutoff_type')),
    ...readNetwork(keywords),
    scaling: readScalingRule(keywords),
    ...readEnergies(keywords, elements),
    toldUnits: keywords.toldUnits,
  };
}

const unsupported = (message: string, hint: string, place: Place): Error =>
  refusal('unsupported-potential', message, hint, place);

/** Only potentials of short range, a network for each atom. */
function refuseOtherTypes(keywords: Keywords): void {
  const allowed: [string, RegExp][] = [
    ['nnp_type', /^(2G.*|2|HDNNP_2G)$/i],
    ['nn_type', /^(2G.*|2|HDNNP_2G)$/i],
    ['nn_type_short', /^1$/],
    ['nnp_gen', /^2$/],
  ];
  for (const [keyword, short] of allowed) {
    const entry = entryOf(keywords, keyword);
    if (entry === undefined || short.test(wordsCounted(entry, 1)[0])) continue;
    const message = `a potential of ${keyword} ${quoted(entry.words[0])}`;
    throw unsupported(message, 'only short-range potentials (2G) can be imported', entry.place);
  }
}

function readElements(keywords: Keywords): number[] {
  const entry = required(keywords, 'elements');
  const numbers = entry.words.map((word) => elementAt(word, entry.place)).sort((a, b) => a - b);
  const twice = numbers.find((z, s) => z === numbers[s + 1]);
  if (twice !== undefined) {
    const message = `the element ${symbolOf(twice)} stands twice`;
    throw refusal('duplicate-key', message, 'name every element once', entry.place);
  }
  const counted = required(keywords, 'number_of_elements');
  const count = sizeAt(wordsCounted(counted, 1)[0], counted, 118);
  if (numbers.length === count) return numbers;
  const message = `number_of_elements is ${count}, but ${numbers.length} elements are named`;
  throw refusal('bad-count', message, 'name as many as there are', entry.place);
}

const speciesIn =
  (elements: readonly number[], place: Place) =>
  (symbol: string): number => {
    const species = elements.indexOf(elementAt(symbol, place));
    if (species >= 0) return species;
    const message = `${quoted(symbol)} is not among the elements ${elements.map(symbolOf).join(', ')}`;
    throw refusal('unknown-element', message, 'name it in the line "elements", or remove this line', place);
  };

function readFunctions(keywords: Keywords, elements: readonly number[]): SymmetryFunction[][] {
  const functions: SymmetryFunction[][] = elements.map(() => []);
  const add = (centre: number, f: SymmetryFunction, place: Place): void => {
    if (functions[centre].push(f) <= MOST_FUNCTIONS) return;
    throw unsupported(`more than ${MOST_FUNCTIONS} symmetry functions`, 'leave some out', place);
  };
  for (const entry of entriesOf(keywords, 'symfunction_short')) {
    const [centre, type, ...words] = wordsCounted(entry, 3, 99);
    const speciesAt = speciesIn(elements, entry.place);
    const f = readFunction(functionType(type, entry.place), words, entry.place, { speciesAt });
    add(speciesAt(centre), f, entry.place);
  }
  const expand = (centres: readonly number[], [word, ...words]: readonly string[], { place }: Entry): void => {
    const type = functionType(word, place);
    const speciesAt = speciesIn(elements, place);
    for (const centre of centres) {
      for (const given of allNeighbours(type, elements.length)) {
        add(centre, readFunction(type, words, place, { speciesAt, given }), place);
      }
    }
  };
  for (const entry of entriesOf(keywords, 'element_symfunction_short')) {
    const [centre, ...words] = wordsCounted(entry, 3, 99);
    expand([speciesIn(elements, entry.place)(centre)], words, entry);
  }
  for (const entry of entriesOf(keywords, 'global_symfunction_short')) {
    expand([...elements.keys()], wordsCounted(entry, 2, 99), entry);
  }
  const without = functions.findIndex((list) => list.length === 0);
  if (without < 0) return functions;
  const message = `${symbolOf(elements[without])} has no symmetry functions`;
  throw refusal('missing-key', message, 'each element needs at least one line symfunction_short', {
    path: keywords.path,
    field: 'symfunction_short',
  });
}

const CUTOFFS: Readonly<Record<string, CutoffKind>> = { 1: 'cosine', 2: 'tanh3', 6: 'poly2' };

function readCutoff(entry: Entry): Pick<N2p2Settings, 'cutoffKind' | 'inner'> {
  const [type, share = '0'] = wordsCounted(entry, 1, 2);
  if (!Object.hasOwn(CUTOFFS, type)) {
    const hint = 'known are 1 (cosine), 2 (tanh³) and 6 (polynomial of degree 5)';
    throw unsupported(`the cutoff type ${quoted(type)} is not known to nearsight`, hint, entry.place);
  }
  const inner = numberOf(share, 'the inner radius', entry.place);
  const cutoffKind = CUTOFFS[type];
  if (inner < 0 || inner >= 1) {
    throw unsupported(`an inner radius of ${inner} cutoff radii`, 'it is a share, 0 … below 1', entry.place);
  }
  if (cutoffKind === 'tanh3' && inner !== 0) {
    throw unsupported(`tanh³ with an inner radius of ${inner}`, 'it knows none: remove the number', entry.place);
  }
  return { cutoffKind, inner };
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = { t: 'tanh', p: 'softplus' };
const HOLDS = 'nearsight holds two hidden layers with t or p in both (tanh, softplus), and l (linear) at the output';

function readNetwork(keywords: Keywords): Pick<N2p2Settings, 'hidden' | 'activation'> {
  const layers = required(keywords, 'global_hidden_layers_short');
  const count = sizeAt(wordsCounted(layers, 1)[0], layers, 99);
  if (count !== 2)
    throw unsupported(`networks with ${count} hidden layer${count === 1 ? '' : 's'}`, HOLDS, layers.place);
  const nodes = required(keywords, 'global_nodes_short');
  const [H1, H2] = wordsCounted(nodes, 2).map((word) => sizeAt(word, nodes, WIDEST));
  const functions = required(keywords, 'global_activation_short');
  const [first, second, last] = wordsCounted(functions, 3);
  if (first !== second || last !== 'l' || !Object.hasOwn(ACTIVATIONS, first)) {
    throw unsupported(`the activation functions ${quoted(functions.words.join(' '))}`, HOLDS, functions.place);
  }
  const own = ['element_hidden_layers_short', 'element_nodes_short', 'element_activation_short'];
  const [unlike] = own.flatMap((keyword) => entriesOf(keywords, keyword));
  if (unlike !== undefined) {
    throw unsupported(
      'an element with a network of its own shape',
      `${HOLDS}, the same for all elements`,
      unlike.place,
    );
  }
  return { hidden: [H1, H2], activation: ACTIVATIONS[first] };
}

function readScalingRule(keywords: Keywords): ScalingRule {
  const [range, centre, sigma] = [
    'scale_symmetry_functions',
    'center_symmetry_functions',
    'scale_symmetry_functions_sigma',
  ].map((keyword) => isThere(keywords, keyword));
  if (sigma && (range || centre)) {
    const hint = 'n2p2 knows scale_symmetry_functions_sigma alone: remove the others, or this one';
    const { place } = required(keywords, 'scale_symmetry_functions_sigma');
    throw unsupported('scaling by sigma beside another kind of scaling', hint, place);
  }
  const kind = sigma ? 'sigma' : range ? (centre ? 'range-centre' : 'range') : centre ? 'centre' : 'none';
  const min = numberAt(keywords, 'scale_min_short', 0);
  const max = numberAt(keywords, 'scale_max_short', 1);
  if (max > min && Number.isFinite(max - min)) return { kind, min, max };
  const place = (entryOf(keywords, 'scale_max_short') ?? required(keywords, 'scale_min_short')).place;
  throw unsupported(`functions scaled from ${min} to ${max}`, 'scale_max_short is the larger one', place);
}

/** E = Σ_i (atom_energy + mean_energy + network / conv_energy). */
function readEnergies(keywords: Keywords, elements: readonly number[]): Pick<N2p2Settings, 'offsets' | 'energyFactor'> {
  const normalised = ['mean_energy', 'conv_energy', 'conv_length'];
  const present = normalised.filter((keyword) => isThere(keywords, keyword));
  if (present.length > 0) for (const keyword of normalised) required(keywords, keyword);
  for (const keyword of ['conv_energy', 'conv_length']) {
    const value = numberAt(keywords, keyword, 1);
    // Lengths are scaled within n2p2 alone: the functions are the same.
    if (value > 0) continue;
    throw unsupported(`${keyword} is ${value}`, 'it is a positive factor', required(keywords, keyword).place);
  }
  const mean = numberAt(keywords, 'mean_energy', 0);
  const own = new Map<number, number>();
  for (const entry of entriesOf(keywords, 'atom_energy')) {
    const [symbol, energy] = wordsCounted(entry, 2);
    const species = speciesIn(elements, entry.place)(symbol);
    if (own.has(species)) {
      throw refusal('duplicate-key', `${quoted(symbol)} has two lines atom_energy`, 'remove one of them', entry.place);
    }
    own.set(species, numberOf(energy, 'atom_energy', entry.place));
  }
  const offsets = elements.map((_, s) => mean + (own.get(s) ?? 0));
  return { offsets, energyFactor: numberAt(keywords, 'conv_energy', 1) };
}
