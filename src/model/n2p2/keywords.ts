/** `input.nn` as a list of keywords with their arguments, and which keywords matter. */
import { type Lines, linesOf, wordsOf } from '../../data/formats/shared/lines.ts';
import { countOf, numberOf } from '../../data/formats/shared/values.ts';
import type { InputFile } from '../../data/index.ts';
import { quoted, refusal } from '../../data/refuse.ts';
import type { Place } from '../../errors.ts';

/** One line: the words behind the keyword. */
export interface Entry {
  readonly words: readonly string[];
  readonly place: Place;
}

export interface Keywords {
  readonly path: string;
  readonly entries: ReadonlyMap<string, readonly Entry[]>;
  /** What the comments say of `Length unit` and `Energy unit`, in lower case. */
  readonly toldUnits: { readonly length?: string; readonly energy?: string };
}

/** Keywords that make the potential, and may stand once. */
const SINGLE: readonly string[] = [
  ...['number_of_elements', 'elements', 'cutoff_type', 'nnp_type', 'nn_type', 'nn_type_short', 'nnp_gen'],
  ...['scale_symmetry_functions', 'scale_symmetry_functions_sigma', 'center_symmetry_functions'],
  ...['scale_min_short', 'scale_max_short', 'mean_energy', 'conv_energy', 'conv_length'],
  ...['global_hidden_layers_short', 'global_nodes_short', 'global_activation_short'],
];
/** The same, as often as one likes. */
const REPEATED: readonly string[] = [
  ...['atom_energy', 'symfunction_short', 'element_symfunction_short', 'global_symfunction_short'],
  ...['element_nodes_short', 'element_hidden_layers_short', 'element_activation_short'],
];

/** Of training, of what is printed, of how it is computed: no part of the potential. */
const IGNORED: ReadonlySet<string> = new Set([
  ...[
    'random_seed',
    'random_number_type',
    'test_fraction',
    'epochs',
    'use_short_forces',
    'use_short_nn',
    'force_weight',
  ],
  ...['rmse_threshold', 'rmse_threshold_energy', 'rmse_threshold_force', 'rmse_threshold_trials'],
  ...['rmse_threshold_trials_energy', 'rmse_threshold_trials_force', 'energy_fraction', 'force_fraction'],
  ...['short_energy_fraction', 'short_force_fraction', 'short_energy_error_threshold', 'short_force_error_threshold'],
  ...[
    'short_energy_group',
    'short_force_group',
    'use_old_weights_short',
    'weights_min',
    'weights_max',
    'biasweights_min',
  ],
  ...['biasweights_max', 'nguyen_widrow_weights_short', 'precondition_weights', 'separate_bias_ini_short'],
  ...['main_error_metric', 'write_trainpoints', 'write_trainforces', 'write_weights_epoch', 'write_neuronstats'],
  ...[
    'write_trainlog',
    'write_fit_statistics',
    'write_pdb',
    'write_pov',
    'write_pwscf',
    'write_xyz',
    'write_traincharges',
  ],
  ...['repeated_energy_update', 'updater_type', 'parallel_mode', 'jacobian_mode', 'update_strategy', 'selection_mode'],
  ...['selection_mode_energy', 'selection_mode_force', 'task_batch_size_energy', 'task_batch_size_force'],
  ...['gradient_type', 'gradient_eta', 'gradient_adam_eta', 'gradient_adam_beta1', 'gradient_adam_beta2'],
  ...['gradient_adam_epsilon', 'kalman_type', 'kalman_epsilon', 'kalman_eta', 'kalman_etatau', 'kalman_etamax'],
  ...['kalman_q0', 'kalman_qtau', 'kalman_qmin', 'kalman_lambda_short', 'kalman_nue_short', 'kalman_damp_short'],
  ...['kalman_damp_force', 'memorize_symfunc_results', 'normalize_data_set', 'optmode_short_energy'],
  ...['optmode_short_force', 'runner_mode', 'points_in_memory', 'mix_all_points', 'fitting_unit', 'energy_threshold'],
  ...[
    'bond_threshold',
    'remove_atom_energies',
    'calculate_forces',
    'calculate_stress',
    'print_mad',
    'print_all_short_weights',
  ],
  ...['force_update_scaling', 'scaled_force_update', 'analyze_composition', 'analyze_error', 'use_systemblocks'],
  ...['detailed_timing', 'max_energy', 'max_force', 'ion_forces_only', 'use_damping', 'growth_mode'],
]);

const KNOWN: ReadonlySet<string> = new Set([...SINGLE, ...REPEATED]);

/** Why keywords that n2p2 or RuNNer document can't be followed. */
const REFUSED: Readonly<Record<string, string>> = {
  normalize_nodes: 'networks whose layers are divided by their number of inputs are not known to nearsight',
  use_electrostatics: 'nearsight knows no charges: only short-range (2G) potentials can be imported',
  electrostatic_type: 'nearsight knows no charges: only short-range (2G) potentials can be imported',
};

/** @throws NearsightError `binary-file`, `unsupported-potential`, `duplicate-key` */
export function readKeywords(file: InputFile): Keywords {
  const lines = linesOf(file);
  const entries = new Map<string, Entry[]>();
  const toldUnits: { length?: string; energy?: string } = {};
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const told = /^\s*[#!]\s*(length|energy)\s+unit\s*:\s*(\S+)/i.exec(line);
    if (told !== null) toldUnits[told[1].toLowerCase() as 'length' | 'energy'] ??= told[2].toLowerCase();
    const [keyword, ...words] = wordsOf(line.replace(/[#!].*$/, ''));
    if (keyword === undefined || IGNORED.has(keyword)) continue;
    addEntry(entries, keyword, { words, place: placeOf(lines, keyword) });
  }
  return { path: file.path, entries, toldUnits };
}

const placeOf = (lines: Lines, field: string): Place => ({ path: lines.path, line: lines.number, field });

function addEntry(entries: Map<string, Entry[]>, keyword: string, entry: Entry): void {
  if (!KNOWN.has(keyword)) {
    const why = Object.hasOwn(REFUSED, keyword) ? REFUSED[keyword] : 'it may change what the potential says';
    const place = { ...entry.place, field: keyword.slice(0, 40) };
    const hint = `${why}; put a # before it if it is about training or output alone`;
    throw refusal('unsupported-potential', `the keyword ${quoted(keyword)} is not known to nearsight`, hint, place);
  }
  const all = entries.get(keyword);
  if (all === undefined) entries.set(keyword, [entry]);
  else if (REPEATED.includes(keyword)) all.push(entry);
  else
    throw refusal('duplicate-key', `the keyword ${keyword} stands twice`, 'remove one of the two lines', entry.place);
}

export const entryOf = ({ entries }: Keywords, keyword: string): Entry | undefined => entries.get(keyword)?.[0];
export const entriesOf = ({ entries }: Keywords, keyword: string): readonly Entry[] => entries.get(keyword) ?? [];
export const isThere = ({ entries }: Keywords, keyword: string): boolean => entries.has(keyword);

/** The only line of a keyword that must be there. */
export function required(keywords: Keywords, keyword: string): Entry {
  const entry = entryOf(keywords, keyword);
  if (entry !== undefined) return entry;
  throw refusal('missing-key', `the file has no line ${keyword}`, 'is it the input.nn of a trained potential?', {
    path: keywords.path,
    field: keyword,
  });
}

/** The words of a line that must have so many. */
export function wordsCounted({ words, place }: Entry, least: number, most: number = least): readonly string[] {
  if (words.length >= least && words.length <= most) return words;
  const wanted = least === most ? String(least) : `${least} to ${most}`;
  const message = `${place.field} takes ${wanted} argument${most === 1 ? '' : 's'}, found ${words.length}`;
  throw refusal('wrong-column-count', message, 'see the page on keywords in the documentation of n2p2', place);
}

/** The number that a keyword sets, or what it is without. */
export function numberAt(keywords: Keywords, keyword: string, absent: number): number {
  const entry = entryOf(keywords, keyword);
  return entry === undefined ? absent : numberOf(wordsCounted(entry, 1)[0], keyword, entry.place);
}

/** A whole number of a line, from 1 on. */
export const sizeAt = (word: string, { place }: Entry, most: number): number =>
  countOf(word, String(place.field), place, { least: 1, most });
