/** A model of nearsight as a potential of n2p2. */
import { formatReal } from '../../data/decimal.ts';
import type { OutputFile } from '../../data/index.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { type Activation, type CutoffKind, type NetworkPlace, symmetryLayout } from '../../kernels/symmetry.ts';
import { meanHead } from '../heads.ts';
import { foldedWeights } from '../model.ts';
import type { ModelFile } from '../model-file.ts';
import type { SymmetryModel } from '../symmetry-model.ts';
import { functionWords, sortedOrder } from './functions.ts';
import { type Scaling, scalingText, type Widths, weightsText } from './numbers.ts';
import { weightsName } from './read.ts';

export interface WriteN2p2Options {
  /** Leaves out a repulsion that the model has: the potential is another one at short distances. */
  readonly withoutRepulsion?: boolean | undefined;
  /** Heads to write, each as a potential; all of them, or their mean where that is one, when absent. */
  readonly heads?: readonly number[] | undefined;
}

const CUTOFFS: Readonly<Record<CutoffKind, string>> = { cosine: '1', tanh3: '2', poly2: '6' };
const ACTIVATIONS: Readonly<Record<Exclude<Activation, 'silu'>, string>> = { tanh: 't', softplus: 'p' };

/** `nnp-3/` for the third member of a committee. */
export const memberFolder = (member: number): string => `nnp-${member + 1}`;

/**
 * The files of a potential in Å and eV: input.nn, scaling.data and a weights file for each element, with all digits,
 * so that `readN2p2` gives the same energies and forces to the last bit. A shared network becomes one for each element;
 * of a committee each head is a folder with a potential of its own, `nnp-1`, `nnp-2` …; but where heads differ in their
 * last layer only, their mean is a network as large as each of them, and that one is written unless heads are named.
 * @throws NearsightError `not-exportable` for what n2p2 has no place for
 */
export function writeN2p2(
  { model: whole, parts }: Pick<ModelFile, 'model' | 'parts'>,
  options: WriteN2p2Options = {},
): OutputFile[] {
  const model = (options.heads === undefined ? meanHead(whole) : null) ?? whole;
  if (model.kind === 'density') {
    throw refuse(
      'n2p2 has no density projections, which are the descriptor of this model',
      'train one of symmetry functions: "descriptor: symmetry" in the configuration',
    );
  }
  if (parts.repulsion !== null && options.withoutRepulsion !== true) {
    throw refuse(
      'the model has a ZBL repulsion at short distances, and n2p2 has no place for it',
      'add it in the program that uses the files (pair_style hybrid/overlay in LAMMPS) and export --without-repulsion',
    );
  }
  const { heads } = model.shape;
  const chosen = options.heads ?? Array.from({ length: heads }, (_, head) => head);
  const text = settingsText(model);
  const weights = foldedWeights(model);
  return chosen.flatMap((head, member) => {
    const folder = chosen.length > 1 ? `${memberFolder(member)}/` : '';
    const files = { 'input.nn': text, ...numbersOf(model, weights, head) };
    return Object.entries(files).map(([name, content]) => ({ path: `${folder}${name}`, content }));
  });
}

const refuse = (message: string, hint: string): NearsightError =>
  new NearsightError('not-exportable', message, { hint });

/** scaling.data and weights.ZZZ.data of one head. */
function numbersOf(model: SymmetryModel, weights: Float64Array, head: number): Record<string, string> {
  const { shape, elements } = model;
  const layout = symmetryLayout(shape);
  const orders = shape.functions.map(sortedOrder);
  const scalings = orders.map((order, species): Scaling => {
    const { centre, deviation } = layout.scaling[species];
    return {
      centre: order.map((own) => weights[centre + own]),
      deviation: order.map((own) => weights[deviation + own]),
    };
  });
  const networks = orders.map((order, species) => {
    const widths: Widths = [order.length, ...shape.hidden];
    const numbers = networkNumbers(weights, layout.networks[head][species], order, widths);
    return [weightsName(elements[species]), weightsText(numbers, widths)] as const;
  });
  return { 'scaling.data': scalingText(scalings), ...Object.fromEntries(networks) };
}

/** Numbers of one network, rows of w1 in n2p2's order of the functions. */
function networkNumbers(
  weights: Float64Array,
  place: NetworkPlace,
  order: readonly number[],
  [, H1, H2]: Widths,
): number[] {
  const part = (from: number, count: number): number[] => [...weights.subarray(from, from + count)];
  return [
    ...order.flatMap((own) => part(place.w1 + own * H1, H1)),
    ...[part(place.b1, H1), part(place.w2, H1 * H2), part(place.b2, H2), part(place.w3, H2), part(place.b3, 1)].flat(),
  ];
}

function settingsText({ elements, shape, referenceEnergies }: SymmetryModel): string {
  const { activation, elementWeights, functions, hidden } = shape;
  if (activation === 'silu') {
    throw refuse(
      'n2p2 has no silu, which is the activation function of this model',
      'train with "activation: tanh" or softplus',
    );
  }
  if (functions.flat().some((f) => f.kind === 'wide' && f.neighbours === null)) {
    throw refuse('n2p2 has no weighted wide functions, which this model has', 'train with narrow ones in their place');
  }
  const weighted = functions.flat().some((f) => (f.kind === 'radial' ? f.neighbour : f.neighbours) === null);
  if (weighted && elements.some((z, s) => elementWeights[s] !== z)) {
    throw refuse('n2p2 weights elements by their atomic number, and this model otherwise', 'train with those weights');
  }
  const symbols = elements.map(symbolOf);
  const phi = ACTIVATIONS[activation];
  return [
    '# Neural network potential, written by nearsight.',
    '# Length unit     : Angstrom',
    '# Energy unit     : eV',
    '',
    `number_of_elements ${elements.length}`,
    `elements ${symbols.join(' ')}`,
    ...symbols.map((symbol, s) => `atom_energy ${symbol} ${formatReal(referenceEnergies[s])}`),
    `cutoff_type ${CUTOFFS[shape.cutoffKind]} ${formatReal(shape.inner)}`,
    'scale_symmetry_functions_sigma',
    'scale_min_short 0.0',
    'scale_max_short 1.0',
    'global_hidden_layers_short 2',
    `global_nodes_short ${hidden.join(' ')}`,
    `global_activation_short ${phi} ${phi} l`,
    '',
    '# n2p2 sorts these lines before it numbers them; scaling.data and weights.*.data count in its order.',
    ...functions.flatMap((list, s) => list.map((f) => `symfunction_short ${functionWords(symbols[s], f, symbols)}`)),
    '',
  ].join('\n');
}
