/** `scaling.data` and `weights.ZZZ.data`: numbers in a fixed order, whose columns also say where they belong. */
import { formatReal } from '../../data/decimal.ts';
import { type Lines, linesOf, wordsOf } from '../../data/formats/shared/lines.ts';
import { numberOf } from '../../data/formats/shared/values.ts';
import type { InputFile } from '../../data/index.ts';
import { quoted, refusal } from '../../data/refuse.ts';
import type { ScalingRule } from './settings.ts';

/** x = (G − centre)/deviation of each function. */
export interface Scaling {
  readonly centre: number[];
  readonly deviation: number[];
}

/** Words of the next line that says something; null behind the last. */
function nextRow(lines: Lines): string[] | null {
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const words = wordsOf(line.replace(/#.*$/, ''));
    if (words.length > 0) return words;
  }
  return null;
}

function expectEnd(lines: Lines, what: string): void {
  const words = nextRow(lines);
  if (words === null) return;
  throw misfit(lines, `expected the end of the file after ${what}, found ${quoted(words.join(' '))}`);
}

const misfit = (lines: Lines, message: string): Error =>
  refusal('bad-potential-file', message, 'it belongs to another input.nn, or is damaged', lines.place());

const endsEarly = (lines: Lines, what: string): Error =>
  refusal('truncated-file', `the file ends before ${what}`, 'it belongs to another input.nn, or is damaged', {
    path: lines.path,
    line: lines.number,
  });

const COLUMNS = ['the smallest value', 'the largest value', 'the mean', 'sigma'] as const;

/**
 * Scaling of the functions of each element, in n2p2's order.
 * @param counts functions of each element
 * @throws NearsightError `bad-potential-file`, `truncated-file`, `bad-number`, `not-finite`
 */
export function readScaling(file: InputFile, counts: readonly number[], rule: ScalingRule): Scaling[] {
  const lines = linesOf(file);
  const all = counts.map((count, species) => {
    const scaling: Scaling = { centre: [], deviation: [] };
    for (let k = 0; k < count; k++) {
      const what = `function ${k + 1} of element ${species + 1}`;
      const words = nextRow(lines);
      if (words === null) throw endsEarly(lines, what);
      if (words.length < 5 || words.length > 6 || words[0] !== `${species + 1}` || words[1] !== `${k + 1}`) {
        throw misfit(lines, `expected the scaling of ${what}, found ${quoted(words.join(' '))}`);
      }
      const [min, max, mean, sigma] = words.slice(2).map((word, c) => numberOf(word, COLUMNS[c], lines.place()));
      const { centre, deviation } = scaledBy(rule, { min, max, mean, sigma });
      if (!(deviation > 0 && Number.isFinite(deviation) && Number.isFinite(centre))) {
        throw misfit(lines, `${what} has no spread to be scaled by: ${quoted(words.slice(2).join(' '))}`);
      }
      scaling.centre.push(centre);
      scaling.deviation.push(deviation);
    }
    return scaling;
  });
  // RuNNer writes the range of the energies behind the last function.
  const range = nextRow(lines);
  if (range === null) return all;
  if (range.length === 2) for (const word of range) numberOf(word, 'the range of the energies', lines.place());
  else throw misfit(lines, `expected the end of the file, found ${quoted(range.join(' '))}`);
  expectEnd(lines, 'the range of the energies');
  return all;
}

interface Spread {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly sigma: number | undefined;
}

/** From n2p2's x = S_min + (S_max − S_min)(G − origin)/width to centre and deviation. */
function scaledBy(
  rule: ScalingRule,
  { min, max, mean, sigma = Number.NaN }: Spread,
): { centre: number; deviation: number } {
  if (rule.kind === 'none') return { centre: 0, deviation: 1 };
  if (rule.kind === 'centre') return { centre: mean, deviation: 1 };
  const width = rule.kind === 'sigma' ? sigma : max - min;
  const deviation = width / (rule.max - rule.min);
  return { centre: (rule.kind === 'range' ? min : mean) - rule.min * deviation, deviation };
}

/** So many deviations from the centre n2p2 warns of extrapolation: the true extremes are in no model file. */
const FAR = 10;

/** The text of scaling.data for `scale_symmetry_functions_sigma` from 0 to 1. */
export function scalingText(all: readonly Scaling[]): string {
  const rows = all.flatMap(({ centre, deviation }, species) =>
    centre.map((mean, k) => {
      const sigma = deviation[k];
      const numbers = [mean - FAR * sigma, mean + FAR * sigma, mean, sigma].map(formatReal);
      return [species + 1, k + 1, ...numbers].join(' ');
    }),
  );
  const head = [
    '# Scaling of symmetry functions, written by nearsight.',
    `# The extremes are not known: sf_min and sf_max are mean -/+ ${FAR} sigma.`,
    '# e_index sf_index sf_min sf_max sf_mean sf_sigma',
  ];
  return `${[...head, ...rows].join('\n')}\n`;
}

/** Widths of the layers of a network, inputs first. */
export type Widths = readonly [number, number, number];

/** Columns behind the value, in the order of the numbers: the weights of a layer, then its biases. */
function* connections([F, H1, H2]: Widths): Generator<string, void, undefined> {
  const widths = [F, H1, H2, 1];
  let index = 0;
  for (let layer = 1; layer < widths.length; layer++) {
    for (let from = 1; from <= widths[layer - 1]; from++) {
      for (let to = 1; to <= widths[layer]; to++) yield `a ${++index} ${layer - 1} ${from} ${layer} ${to}`;
    }
    for (let to = 1; to <= widths[layer]; to++) yield `b ${++index} ${layer} ${to}`;
  }
}

/**
 * The numbers of one network in the order of `NetworkPlace`: w1 [F][H1], b1, w2 [H1][H2], b2, w3 [H2], b3.
 * @throws NearsightError `bad-potential-file`, `truncated-file`, `bad-number`, `not-finite`
 */
export function readWeights(file: InputFile, widths: Widths): number[] {
  const lines = linesOf(file);
  const values: number[] = [];
  for (const columns of connections(widths)) {
    const words = nextRow(lines);
    if (words === null) throw endsEarly(lines, `connection "${columns}"`);
    if (words.slice(1).join(' ') !== columns) {
      throw misfit(lines, `expected the connection "${columns}", found ${quoted(words.slice(1).join(' '))}`);
    }
    values.push(numberOf(words[0], 'a weight', lines.place()));
  }
  expectEnd(lines, 'the last connection');
  return values;
}

/** The text of weights.ZZZ.data. */
export function weightsText(values: ArrayLike<number>, widths: Widths): string {
  const rows = [...connections(widths)].map((columns, k) => `${formatReal(values[k])} ${columns}`);
  const head = [
    '# Connections of one neural network, written by nearsight.',
    '# value a index layer_from neuron_from layer_to neuron_to',
    '# value b index layer neuron',
  ];
  return `${[...head, ...rows].join('\n')}\n`;
}
