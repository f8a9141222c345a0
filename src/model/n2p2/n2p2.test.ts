import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../tests/helpers/errors.ts';
import { expectReadOrRefused } from '../../data/formats/shared/testing.ts';
import type { InputFile } from '../../data/index.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createRandom } from '../../random.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure, type Structure } from '../../structure/structure.ts';
import { BOHR, HARTREE } from '../../units.ts';
import { foldedWeights } from '../model.ts';
import { decodeModel, encodeModel } from '../model-file.ts';
import type { Evaluation } from '../potential.ts';
import { shortRangePotential } from '../short-range.ts';
import type { SymmetryModel } from '../symmetry-model.ts';
import { fileOf, randomModel } from '../testing-model.ts';
import { committeeOf, memberFolder, type N2p2Files, type N2p2Units, readN2p2, writeN2p2 } from './index.ts';
import { readSettings } from './settings.ts';
import { asInput, randomPotential } from './testing.ts';

const bare = { parts: { repulsion: null } };
const written = (model: SymmetryModel) => writeN2p2({ model, ...bare });

function evaluated(model: SymmetryModel, structure: Structure): Evaluation {
  return shortRangePotential(model, createReferenceKernel()).evaluate(structure);
}

/** What the contract of the kernels knows, and n2p2 doesn't. */
const WEIGHTED_WIDE = { kind: 'wide', neighbours: null, lambda: 1, zeta: 1, eta: 0.1, shift: 0, cutoff: 4 } as const;

/** Atoms of the elements of a model, off their places in a small crystal. */
function shaken(model: SymmetryModel, seed: number): Structure {
  const random = createRandom(seed);
  const perfect = crystal('diamond', ['Si'], 5.2);
  return {
    ...perfect,
    numbers: perfect.numbers.map((_, i) => model.elements[i % model.elements.length]),
    positions: perfect.positions.map((x) => x + 0.2 * random.normal()),
  };
}

/** Two models that are the same to a kernel, bit for bit. */
function expectSame(model: SymmetryModel, original: SymmetryModel): void {
  const { cutoff: _, ...shape } = original.shape;
  expect(model.shape).toMatchObject(shape);
  expect(model.elements).toEqual(original.elements);
  expect(model.referenceEnergies).toEqual(original.referenceEnergies);
  expect(foldedWeights(model)).toEqual(foldedWeights(original));
}

describe('a model, written and read', () => {
  test.each([0, 3])('is the same to the last bit, embedding %i', (embedding) => {
    for (let seed = 1; seed <= 25; seed++) {
      const original = randomPotential(createRandom(seed), { embedding });
      const { model, units } = readN2p2(asInput(written(original)));
      expect(units).toBe('metal');
      expect(model.embedding).toBe(0);
      expectSame(model, original);
      if (seed > 3) continue;
      const structure = shaken(original, seed);
      expect(evaluated(model, structure)).toEqual(evaluated(original, structure));
    }
  });

  test('numbers at the edges of what doubles hold', () => {
    const original = randomPotential(createRandom(4));
    const edges = [-0, 5e-324, -1.7976931348623157e308, 1 / 3, 1e21, 123456789012345680000, 3 * 2 ** -1074];
    original.parameters.set(edges);
    const exact = { ...original, statistics: { ...original.statistics, scale: 1 } };
    const { model } = readN2p2(asInput(written(exact)));
    expect(model.parameters).toEqual(foldedWeights(exact).slice(-model.parameters.length));
    expect([...model.parameters]).toEqual(expect.arrayContaining(edges.slice(1)));
  });

  test('of a committee each head is a folder; together they are the committee again', () => {
    const original = randomPotential(createRandom(7), { embedding: 2, heads: 3 });
    const files = written(original);
    expect(new Set(files.map(({ path }) => path.split('/')[0]))).toEqual(new Set(['nnp-1', 'nnp-2', 'nnp-3']));
    const members = [0, 1, 2].map((k) => readN2p2(asInput(files, `${memberFolder(k)}/`)).model);
    expectSame(committeeOf(members), original);
    const structure = shaken(original, 7);
    expect(evaluated(committeeOf(members), structure)).toEqual(evaluated(original, structure));
    const mean = members.reduce((sum, member) => sum + evaluated(member, structure).energy / 3, 0);
    expect(mean).toBeCloseTo(evaluated(original, structure).energy, 9);
    const other = readN2p2(asInput(written(randomPotential(createRandom(8))))).model;
    errorOf('unlike-members', () => committeeOf([members[0], other]));
    // One head alone is a plain potential.
    const [second] = [writeN2p2({ model: original, ...bare }, { heads: [1] })];
    expect(readN2p2(asInput(second)).model).toEqual(members[1]);
  });

  test('n2p2 has a place for it, or it is refused', () => {
    const model = randomPotential(createRandom(2));
    const { shape } = model;
    const refusal = (changed: Partial<typeof shape>): string =>
      errorOf('not-exportable', () => written({ ...model, shape: { ...shape, ...changed } })).message;
    expect(refusal({ activation: 'silu' })).toContain('silu');
    expect(refusal({ functions: shape.functions.map(() => [WEIGHTED_WIDE]) })).toContain('weighted wide');
    expect(refusal({ elementWeights: shape.elementWeights.map((z) => z + 1) })).toContain('weights elements');
    const density = randomModel([14], createRandom(1));
    expect(errorOf('not-exportable', () => writeN2p2({ model: density, ...bare })).message).toContain('density');
    const parts = { repulsion: { kind: 'zbl', scale: 'covalent', inner: 0.3, outer: 0.7 } } as const;
    expect(errorOf('not-exportable', () => writeN2p2({ model, parts })).message).toContain('ZBL');
    expect(writeN2p2({ model, parts }, { withoutRepulsion: true })).toEqual(written(model));
  });
});

/** A potential of hydrogen that can be worked out by hand. */
interface Hand {
  readonly settings?: readonly string[];
  readonly scaling?: readonly string[];
  readonly weights?: readonly string[];
  readonly functions?: readonly string[];
}
const FUNCTIONS = ['symfunction_short H 2 H 0.5 1.0 4.0', 'symfunction_short H 2 H 0.1 0.0 4.0'];
const SETTINGS = [
  'number_of_elements 1',
  'elements H  # the lightest',
  'cutoff_type 1',
  'global_hidden_layers_short 2',
  'global_nodes_short 1 1',
  'global_activation_short t t l',
  'epochs 100',
];
// Sorted, the function of the smaller η comes first.
const SCALING = ['1 1 0.1 1.9 0.6 0.3', '1 2 0.2 1.2 0.7 0.4'];
const WEIGHTS = [
  '0.3 a 1 0 1 1 1',
  '-0.7 a 2 0 2 1 1',
  '0.1 b 3 1 1',
  '1.5 a 4 1 1 2 1',
  '-0.2 b 5 2 1',
  '2.5 a 6 2 1 3 1',
  '0.4 b 7 3 1',
];

function handFiles({
  settings = SETTINGS,
  scaling = SCALING,
  weights = WEIGHTS,
  functions = FUNCTIONS,
}: Hand): N2p2Files {
  const file = (path: string, lines: readonly string[]) => ({
    path,
    bytes: new TextEncoder().encode(lines.join('\n')),
  });
  return {
    settings: file('input.nn', [...settings, ...functions]),
    scaling: file('scaling.data', scaling),
    weights: new Map([[1, file('weights.001.data', weights)]]),
  };
}
const read = (hand: Hand = {}, units: N2p2Units = 'metal'): SymmetryModel => readN2p2(handFiles(hand), { units }).model;
const withLines = (...lines: string[]): Hand => ({ settings: [...SETTINGS, ...lines] });
const replaced = (from: string, to: string): Hand => ({ settings: SETTINGS.map((line) => line.replace(from, to)) });

const DISTANCE = 1.3;
const pair = createStructure(['H', 'H'], [0, 0, 0, DISTANCE, 0, 0]);
/** What the network says of one of the two atoms, from scaled functions in sorted order. */
const network = ([x, y]: number[]): number => 2.5 * Math.tanh(1.5 * Math.tanh(0.3 * x - 0.7 * y + 0.1) - 0.2) + 0.4;
const fall = 0.5 * (Math.cos((Math.PI * DISTANCE) / 4) + 1);
const G = [Math.exp(-0.1 * DISTANCE ** 2) * fall, Math.exp(-0.5 * (DISTANCE - 1) ** 2) * fall];

describe('a potential worked out by hand', () => {
  const MIN = [0.1, 0.2];
  const MAX = [1.9, 1.2];
  const MEAN = [0.6, 0.7];
  const SIGMA = [0.3, 0.4];
  const span = ['scale_min_short -0.5', 'scale_max_short 1.5'];
  test.each<[string, string[], (g: number, k: number) => number]>([
    ['none', [], (g) => g],
    ['centred', ['center_symmetry_functions'], (g, k) => g - MEAN[k]],
    ['to the range', ['scale_symmetry_functions'], (g, k) => (g - MIN[k]) / (MAX[k] - MIN[k])],
    ['to a range', ['scale_symmetry_functions', ...span], (g, k) => -0.5 + (2 * (g - MIN[k])) / (MAX[k] - MIN[k])],
    [
      'both',
      ['scale_symmetry_functions', 'center_symmetry_functions', ...span],
      (g, k) => -0.5 + (2 * (g - MEAN[k])) / (MAX[k] - MIN[k]),
    ],
    ['by sigma', ['scale_symmetry_functions_sigma', ...span], (g, k) => -0.5 + (2 * (g - MEAN[k])) / SIGMA[k]],
  ])('scaled %s', (_, lines, x) => {
    const { energy } = evaluated(read(withLines(...lines)), pair);
    expect(energy).toBeCloseTo(2 * network(G.map(x)), 12);
  });

  test('energies of atoms, mean and unit of energy', () => {
    const lines = ['atom_energy H -13.5', 'mean_energy -2', 'conv_energy 5', 'conv_length 3'];
    const { energy } = evaluated(read(withLines(...lines)), pair);
    expect(energy).toBeCloseTo(2 * (network(G) / 5 - 2 - 13.5), 12);
  });

  test('bohr and Hartree: the same numbers, other lengths and energies', () => {
    const structure = { ...pair, positions: pair.positions.map((x) => x * BOHR) };
    const [metal, atomic] = [evaluated(read(), pair), evaluated(read({}, 'atomic'), structure)];
    expect(atomic.energy).toBeCloseTo(HARTREE * metal.energy, 10);
    expect(atomic.forces[0]).toBeCloseTo((HARTREE / BOHR) * metal.forces[0], 9);
  });

  test('the order of the lines does not matter, and is kept', () => {
    const turned = read({ functions: FUNCTIONS.toReversed() });
    expect(turned.shape.functions[0].map(({ eta }) => eta)).toEqual([0.1, 0.5]);
    expect(evaluated(turned, pair).energy).toBeCloseTo(2 * network(G), 12);
    expect(evaluated(read(), pair).energy).toBeCloseTo(2 * network(G), 12);
  });

  test('units are told by comments, by the user, or not at all', () => {
    const comments = ['# Length unit     : Bohr', '# Energy unit     : Ha'];
    expect(readN2p2(handFiles(withLines(...comments))).units).toBe('atomic');
    errorOf('contradicting-units', () => read(withLines(...comments)));
    expect(errorOf('missing-units', () => readN2p2(handFiles({}))).hint).toContain('2.12 Å far, or 4.00 Å');
    errorOf('missing-units', () => readN2p2(handFiles(withLines(comments[0], '# Energy unit : eV'))));
  });
});

test('keywords without neighbours stand for all of them', () => {
  const head = SETTINGS.map((line) => line.replace('elements 1', 'elements 2').replace('elements H', 'elements O H'));
  const functions = (...lines: string[]) =>
    readSettings({ path: 'input.nn', bytes: new TextEncoder().encode([...head, ...lines].join('\n')) }).functions;
  const short = (centre: string, neighbours: string, type: number, rest: string): string =>
    `symfunction_short ${centre} ${type} ${neighbours} ${rest}`;
  const everywhere = functions('global_symfunction_short 3 0.1 -1 4 6.0', 'global_symfunction_short 12 0.2 1.5 5.0');
  const explicit = ['H', 'O'].flatMap((centre) => [
    ...['H H', 'O H', 'O O'].map((pair) => short(centre, pair, 3, '0.1 -1 4 6.0 0.0')),
    `symfunction_short ${centre} 12 0.2 1.5 5.0`,
  ]);
  expect(everywhere).toEqual(functions(...explicit));
  const ofOxygen = functions('element_symfunction_short O 2 0.1 0 6', short('H', 'O O', 9, '0.1 1 1 6'));
  expect(ofOxygen[1]).toEqual(functions(short('O', 'H', 2, '0.1 0 6'), short('O', 'O', 2, '0.1 0 6'), explicit[0])[1]);
});

describe('refused, with file, line and keyword', () => {
  const line = SETTINGS.length + 1;
  test.each<[string, string, Hand, object]>([
    [
      'unsupported-potential',
      'type 4',
      { functions: ['symfunction_short H 4 H 1 2 3'] },
      { field: 'symfunction_short' },
    ],
    ['unsupported-potential', 'lambda', { functions: ['symfunction_short H 3 H H 1 0.5 1 4'] }, { line: 8 }],
    ['unsupported-potential', 'zeta', { functions: ['symfunction_short H 3 H H 1 1 0.5 4'] }, { line: 8 }],
    ['unsupported-potential', 'cutoff radius', { functions: ['symfunction_short H 2 H 1 0 -4'] }, { line: 8 }],
    ['unsupported-potential', 'eta', { functions: ['symfunction_short H 12 -1 0 4'] }, { line: 8 }],
    ['wrong-column-count', '3 arguments', { functions: ['symfunction_short H 12 -1 0 4 4'] }, { line: 8 }],
    ['unknown-element', '"O"', { functions: ['symfunction_short O 12 1 0 4'] }, { line: 8 }],
    ['unknown-element', '"Q"', replaced('elements H', 'elements Q'), { line: 2, field: 'elements' }],
    ['missing-key', 'no symmetry functions', { functions: [] }, { field: 'symfunction_short' }],
    ['bad-count', 'number_of_elements is 2', replaced('elements 1', 'elements 2'), { line: 2 }],
    ['unsupported-potential', 'cutoff type "3"', replaced('type 1', 'type 3'), { line: 3, field: 'cutoff_type' }],
    ['unsupported-potential', 'inner radius of 1', replaced('type 1', 'type 6 1'), { line: 3 }],
    ['unsupported-potential', 'tanh³', replaced('type 1', 'type 2 0.5'), { line: 3 }],
    ['unsupported-potential', '3 hidden layers', replaced('short 2', 'short 3'), { line: 4 }],
    ['unsupported-potential', '"t p l"', replaced('t t l', 't p l'), { line: 6, field: 'global_activation_short' }],
    ['unsupported-potential', '"s s l"', replaced('t t l', 's s l'), { line: 6 }],
    ['wrong-column-count', 'takes 3', replaced('t t l', 't t t l'), { line: 6 }],
    ['unsupported-potential', 'normalize_nodes', withLines('normalize_nodes'), { line }],
    ['unsupported-potential', '"my_keyword"', withLines('my_keyword 3'), { line, field: 'my_keyword' }],
    ['unsupported-potential', '"4G"', withLines('nnp_type 4G'), { line, field: 'nnp_type' }],
    ['unsupported-potential', 'own shape', withLines('element_nodes_short H 1 3'), { line }],
    [
      'unsupported-potential',
      'sigma',
      withLines('scale_symmetry_functions_sigma', 'center_symmetry_functions'),
      { line },
    ],
    ['unsupported-potential', 'from 2 to 1', withLines('scale_min_short 2'), { line, field: 'scale_min_short' }],
    ['missing-key', 'conv_length', withLines('mean_energy 2', 'conv_energy 1'), { field: 'conv_length' }],
    ['duplicate-key', 'cutoff_type', withLines('cutoff_type 1'), { line }],
    ['duplicate-key', 'atom_energy', withLines('atom_energy H 1', 'atom_energy H 1'), { line: line + 1 }],
    ['bad-number', 'atom_energy', withLines('atom_energy H x'), { line, field: 'atom_energy' }],
    ['bad-potential-file', 'function 1', { scaling: SCALING.toReversed() }, { path: 'scaling.data', line: 1 }],
    ['truncated-file', 'function 2', { scaling: [SCALING[0]] }, { path: 'scaling.data' }],
    ['bad-potential-file', 'end of the file', { scaling: [...SCALING, ...SCALING] }, { path: 'scaling.data', line: 3 }],
    [
      'bad-potential-file',
      'no spread',
      { ...withLines('scale_symmetry_functions'), scaling: [SCALING[0], '1 2 0.5 0.5 0.5 0'] },
      { path: 'scaling.data', line: 2 },
    ],
    ['bad-potential-file', 'a 2 0 2 1 1', { weights: WEIGHTS.toSpliced(1, 1) }, { path: 'weights.001.data', line: 2 }],
    ['truncated-file', 'b 7 3 1', { weights: WEIGHTS.slice(0, -1) }, { path: 'weights.001.data' }],
    ['bad-potential-file', 'end of the file', { weights: [...WEIGHTS, WEIGHTS[0]] }, { line: 8 }],
    ['not-finite', 'weight', { weights: ['nan a 1 0 1 1 1', ...WEIGHTS.slice(1)] }, { line: 1 }],
  ])('%s: %s', (code, text, hand, place) => {
    const error = errorOf(code, () => read(hand));
    expect(error.message).toContain(text);
    expect(error.place).toMatchObject('path' in place ? place : { path: expect.any(String), ...place });
  });

  test('a missing weights file', () => {
    errorOf('missing-file', () => readN2p2({ ...handFiles({}), weights: new Map() }, { units: 'metal' }));
  });
});

describe('broken files', () => {
  const path = 'broken';
  const original = randomPotential(createRandom(11));
  const whole = asInput(written(original));
  const anonymous = (file: InputFile): InputFile => ({ path, bytes: file.bytes });
  const readBroken = (change: (files: N2p2Files) => N2p2Files): void => {
    const files = {
      settings: anonymous(whole.settings),
      scaling: anonymous(whole.scaling),
      weights: new Map([...whole.weights].map(([z, file]) => [z, anonymous(file)])),
    };
    const { model } = readN2p2(change(files), { units: 'metal' });
    // Nothing that is not a number gets through, and the model is one that a kernel takes.
    expect(foldedWeights(model).every((x) => !Number.isNaN(x))).toBe(true);
    expect(decodeModel(encodeModel({ ...fileOf(model), model }), path).model).toEqual(model);
  };
  test.each<[string, InputFile, (file: InputFile, files: N2p2Files) => N2p2Files, number]>([
    ['input.nn', whole.settings, (settings, files) => ({ ...files, settings }), 2000],
    ['scaling.data', whole.scaling, (scaling, files) => ({ ...files, scaling }), 1000],
    [
      'weights',
      [...whole.weights][0][1],
      (file, files) => ({ ...files, weights: new Map([...files.weights, [1, file]]) }),
      1000,
    ],
  ])('%s is read or refused', (_, file, put, count) => {
    const run = { count, seed: 5, path };
    const { read: accepted, codes } = expectReadOrRefused(
      (broken) => readBroken((files) => put(broken, files)),
      file.bytes,
      run,
    );
    expect(accepted).toBeGreaterThan(20);
    expect(codes.size).toBeGreaterThan(4);
  });
});
