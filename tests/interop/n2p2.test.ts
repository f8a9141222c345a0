/** Potentials of n2p2: its own energies and forces; ours as numpy works them out from the files that we write. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseExtxyz } from '../../src/data/extxyz/read.ts';
import { N2P2 } from '../../src/data/formats/n2p2.ts';
import type { Frame, InputFile } from '../../src/data/index.ts';
import { symbolOf } from '../../src/elements.ts';
import type { Kernel } from '../../src/kernels/kernels.ts';
import { createReferenceKernel } from '../../src/kernels/reference/kernel.ts';
import { createSimdKernel } from '../../src/kernels/simd/kernel.ts';
import { meanHead } from '../../src/model/heads.ts';
import { foldedWeights } from '../../src/model/model.ts';
import { type N2p2Potential, n2p2Elements, readN2p2, weightsName, writeN2p2 } from '../../src/model/n2p2/index.ts';
import { asInput, randomPotential } from '../../src/model/n2p2/testing.ts';
import { shortRangePotential } from '../../src/model/short-range.ts';
import type { SymmetryModel } from '../../src/model/symmetry-model.ts';
import { createRandom, type Random } from '../../src/random.ts';
import { crystal } from '../../src/structure/crystals.ts';
import type { Structure } from '../../src/structure/structure.ts';
import { completeSettings } from '../../src/training/complete.ts';
import { elementsOf, prepareFrames } from '../../src/training/prepare.ts';
import { train } from '../../src/training/trainer.ts';
import { BOHR, HARTREE } from '../../src/units.ts';
import { findPython, runPython } from '../helpers/python.ts';

const trained = new URL('../../../shared/data/n2p2/trained/', import.meta.url);
if (!existsSync(trained)) console.warn('SKIPPED: no ../shared/data; n2p2 potentials were not compared with n2p2');
const python = findPython(['numpy']);
if (python === undefined) console.warn('SKIPPED: no python3 with numpy; exported potentials were not worked out by it');

const POTENTIALS = ['Cu2S_PBE', 'H2O_RPBE-D3'] as const;
const fileOf = (name: string, file: string): InputFile => ({
  path: file,
  bytes: new Uint8Array(readFileSync(new URL(`${name}/${file}`, trained))),
});

function open(name: string): N2p2Potential {
  const settings = fileOf(name, 'input.nn');
  const weights = new Map(n2p2Elements(settings).map((z) => [z, fileOf(name, weightsName(z))]));
  return readN2p2({ settings, scaling: fileOf(name, 'scaling.data'), weights });
}

function inputOf(name: string): Frame {
  const [frame] = N2P2.read?.([fileOf(name, 'input.data')], { units: open(name).units }) ?? [];
  return frame;
}

const fast = await createSimdKernel();

interface Reference {
  readonly energy: number;
  readonly forces: readonly (readonly number[])[];
}

describe.skipIf(!existsSync(trained))('trained by n2p2', () => {
  /** Largest differences to n2p2's own prediction: eV/atom and eV/Å. */
  function differences(name: string, kernel: Kernel): { readonly energy: number; readonly force: number } {
    const { model, units } = open(name);
    const found = shortRangePotential(model, kernel).evaluate(inputOf(name).structure);
    const { energy, forces } = JSON.parse(
      new TextDecoder().decode(fileOf(name, 'n2p2_reference.json').bytes),
    ) as Reference;
    const [eV, angstrom] = units === 'atomic' ? [HARTREE, BOHR] : [1, 1];
    const components = forces.flat().map((f, c) => Math.abs(found.forces[c] - (f * eV) / angstrom));
    return {
      energy: Math.abs(found.energy - energy * eV) / forces.length,
      force: components.reduce((a, b) => Math.max(a, b)),
    };
  }

  test.each(POTENTIALS)('%s: energy and forces of n2p2', { timeout: 180_000 }, (name) => {
    const { energy, force } = differences(name, createReferenceKernel());
    expect(energy).toBeLessThan(1e-11);
    expect(force).toBeLessThan(1e-11);
  });

  // Cu2S is within 1e-5 eV/Å, H2O (bonds of O–H, r_c of 12 Bohr) within 1.3e-5: what single precision gives.
  test.each(POTENTIALS)('%s: in single precision, within 1e-6 eV/atom and 2e-5 eV/Å', (name) => {
    const { energy, force } = differences(name, fast);
    expect(energy).toBeLessThan(1e-6);
    expect(force).toBeLessThan(2e-5);
  });

  test.each(POTENTIALS)('%s: exported and imported, the same bits', (name) => {
    const { model } = open(name);
    const again = readN2p2(asInput(writeN2p2({ model, parts: { repulsion: null } }))).model;
    expect(again.shape).toEqual(model.shape);
    expect(again.referenceEnergies).toEqual(model.referenceEnergies);
    expect(foldedWeights(again)).toEqual(foldedWeights(model));
    const { structure } = inputOf(name);
    const [first, second] = [model, again].map((m) => shortRangePotential(m, fast).evaluate(structure));
    expect(second).toEqual(first);
  });
});

/** Energy and forces (by finite differences) from the three kinds of file alone. */
const EVALUATE = `
import itertools, json, sys
import numpy

case = json.load(sys.stdin)
files, symbols = case['files'], case['symbols']
cell = numpy.reshape(case['cell'], (3, 3))
Z = {'H': 1, 'O': 8, 'Si': 14, 'Cu': 29}

settings, lines = {}, []
for line in files['input.nn'].splitlines():
    words = line.split('#')[0].split()
    if not words:
        continue
    if words[0] == 'symfunction_short':
        lines.append(words[1:])
    elif words[0] == 'atom_energy':
        settings.setdefault('atom_energy', {})[words[1]] = float(words[2])
    else:
        settings[words[0]] = words[1:]
elements = sorted(settings['elements'], key=Z.get)
assert len(elements) == int(settings['number_of_elements'][0])
alpha = float(settings['cutoff_type'][1])

def fall(r, rc):
    y = numpy.clip((r - alpha * rc) / (rc - alpha * rc), 0, 1)
    kind = int(settings['cutoff_type'][0])
    f = {1: (numpy.cos(numpy.pi * y) + 1) / 2,
         2: numpy.tanh(1 - r / rc) ** 3,
         6: ((15 - 6 * y) * y - 10) * y ** 3 + 1}[kind]
    return numpy.where(r < rc, f, 0)

functions = {e: [] for e in elements}
for centre, kind, *rest in lines:
    kind = int(kind)
    named = rest[:{2: 1, 3: 2, 9: 2}.get(kind, 0)]
    numbers = [float(x) for x in rest[len(named):]]
    g = {'type': kind, 'pair': sorted(Z[e] for e in named), 'lambda': 0, 'zeta': 0}
    if kind in (2, 12):
        g['eta'], g['rs'], g['rc'] = numbers
    elif kind == 13:
        g['eta'], g['rs'], g['lambda'], g['zeta'], g['rc'] = numbers
    else:
        g['eta'], g['lambda'], g['zeta'], g['rc'], g['rs'] = numbers
    functions[centre].append(g)
for e in elements:
    functions[e].sort(key=lambda g: (g['type'], g['rc'], g['eta'], g['rs'], g['zeta'], g['lambda'], g['pair']))

def table(name):
    rows = [line.split('#')[0].split() for line in files[name].splitlines()]
    return [row for row in rows if row]

scaling = iter(table('scaling.data'))
spread = {e: numpy.array([[float(x) for x in next(scaling)[2:]] for _ in functions[e]]) for e in elements}
low, high = float(settings['scale_min_short'][0]), float(settings['scale_max_short'][0])
assert 'scale_symmetry_functions_sigma' in settings
hidden = [int(n) for n in settings['global_nodes_short']]
activation = {'t': numpy.tanh, 'p': lambda x: numpy.log1p(numpy.exp(x)), 'l': lambda x: x}
networks = {}
for e in elements:
    values = [float(row[0]) for row in table('weights.%03d.data' % Z[e])]
    widths, at, networks[e] = [len(functions[e]), *hidden, 1], 0, []
    for n, m in zip(widths, widths[1:]):
        w = numpy.reshape(values[at:at + n * m], (n, m))
        networks[e].append((w, numpy.array(values[at + n * m:at + n * m + m])))
        at += n * m + m
    assert at == len(values)

reach = max(g['rc'] for e in elements for g in functions[e])
images = numpy.array(list(itertools.product(range(-3, 4), repeat=3))) @ cell

def energy(positions):
    total = 0.0
    for i, e in enumerate(symbols):
        r = (positions[None, :, :] + images[:, None, :]).reshape(-1, 3) - positions[i]
        d = numpy.linalg.norm(r, axis=1)
        near = (d < reach) & (d > 1e-9)
        r, d = r[near], d[near]
        z = numpy.tile([Z[s] for s in symbols], len(images))[near]
        j, k = numpy.triu_indices(len(d), 1)
        across = numpy.linalg.norm(r[k] - r[j], axis=1)
        cosine = (r[j] * r[k]).sum(axis=1) / (d[j] * d[k])
        pairs = numpy.sort(numpy.stack([z[j], z[k]], axis=1), axis=1)
        x = []
        for g in functions[e]:
            if g['type'] in (2, 12):
                count = z if g['type'] == 12 else (z == g['pair'][0])
                x.append((count * numpy.exp(-g['eta'] * (d - g['rs']) ** 2) * fall(d, g['rc'])).sum())
                continue
            count = z[j] * z[k] if g['type'] == 13 else (pairs == g['pair']).all(axis=1)
            squares = (d[j] - g['rs']) ** 2 + (d[k] - g['rs']) ** 2
            cut = fall(d[j], g['rc']) * fall(d[k], g['rc'])
            if g['type'] != 9:
                squares, cut = squares + (across - g['rs']) ** 2, cut * fall(across, g['rc'])
            angle = numpy.maximum(0, 1 + g['lambda'] * cosine) ** g['zeta']
            x.append(2 ** (1 - g['zeta']) * (count * angle * numpy.exp(-g['eta'] * squares) * cut).sum())
        mean, sigma = spread[e][:, 2], spread[e][:, 3]
        y = low + (high - low) * (numpy.array(x) - mean) / sigma
        for (w, b), kind in zip(networks[e], settings['global_activation_short']):
            y = activation[kind](y @ w + b)
        total += y[0] + settings['atom_energy'][e]
    return total

positions = numpy.reshape(case['positions'], (-1, 3))
h, forces = 1e-4, numpy.zeros_like(positions)
for place in case['components']:
    moved = [positions.copy(), positions.copy()]
    moved[0].flat[place] += h
    moved[1].flat[place] -= h
    forces.flat[place] = (energy(moved[1]) - energy(moved[0])) / (2 * h)
print(json.dumps({'energy': energy(positions), 'forces': forces.ravel().tolist()}))
`;

/** Energies and forces of a model in the reference kernel, and of its exported files in numpy. */
function expectSameInNumpy(model: SymmetryModel, structure: Structure): void {
  const components = [0, 4, 11, 17, 23];
  const { energy, forces } = shortRangePotential(model, createReferenceKernel()).evaluate(structure);
  const files = writeN2p2({ model, parts: { repulsion: null } });
  const found = runPython(python ?? '', EVALUATE, {
    files: Object.fromEntries(files.map(({ path, content }) => [path, content])),
    symbols: Array.from(structure.numbers, symbolOf),
    cell: [...structure.cell],
    positions: [...structure.positions],
    components,
  }) as { readonly energy: number; readonly forces: readonly number[] };
  expect(Math.abs(found.energy - energy)).toBeLessThan(1e-9 * Math.max(1, Math.abs(energy)));
  // Of finite differences: h² times a sixth of the third derivative, and rounding of the energy over h.
  for (const c of components) expect(Math.abs(found.forces[c] - forces[c])).toBeLessThan(1e-5);
}

/** Eight atoms of these elements off their places in a diamond lattice. */
function shaken(elements: readonly number[], random: Random): Structure {
  const perfect = crystal('diamond', ['Si'], 5.2);
  return {
    ...perfect,
    numbers: perfect.numbers.map((_, i) => elements[i % elements.length]),
    positions: perfect.positions.map((x) => x + 0.2 * random.normal()),
  };
}

describe.skipIf(python === undefined)('exported, and worked out by numpy from the files alone', () => {
  // Between them: every type of function, cutoff with and without inner radius, and activation that n2p2 has.
  test.each([
    [2, 3],
    [3, 0],
    [4, 0],
    [6, 2],
    [8, 0],
  ])('random potential %i, embedding %i', (seed, embedding) => {
    const random = createRandom(seed);
    const model = randomPotential(random, { embedding });
    expectSameInNumpy(model, shaken(model.elements, random));
  });

  test('a potential that nearsight trained', async () => {
    const committee = await trainedModel();
    expect(committee.embedding).toBeGreaterThan(0);
    const model = meanHead(committee)!;
    // Heads that differ in their last layer only: their mean is one network.
    const again = readN2p2(asInput(writeN2p2({ model: committee, parts: { repulsion: null } }))).model;
    expect(foldedWeights(again)).toEqual(foldedWeights(model));
    const structure = shaken([14], createRandom(1));
    const [first, second] = [model, again].map((m) =>
      shortRangePotential(m, createReferenceKernel()).evaluate(structure),
    );
    expect(second).toEqual(first);
    const whole = shortRangePotential(committee, createReferenceKernel()).evaluate(structure);
    expect(second.energy).toBeCloseTo(whole.energy, 9);
    expectSameInNumpy(model, structure);
  });
});

/** A few epochs on some frames of silicon. */
async function trainedModel(): Promise<SymmetryModel> {
  const source = fileURLToPath(new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url));
  const frames = parseExtxyz(readFileSync(source), source)
    .filter(({ structure }) => structure.numbers.length === 8)
    .slice(0, 8);
  const partial = { descriptor: 'symmetry', cutoff: 4, radial: 4, angular: 1, zetas: [1, 4], hidden: [6, 5] } as const;
  const settings = { ...completeSettings({ model: partial, batch: 4, validations: 1 }, frames), epochs: 3 };
  const elements = elementsOf(frames);
  const use = { energy: true, forces: true, stress: true };
  const prepared = prepareFrames(frames, elements, settings.model.cutoff, { source, use });
  const input = { kernel: createReferenceKernel(), elements, train: prepared, validation: prepared, settings };
  const run = train(input);
  for (;;) {
    const next = await run.next();
    if (next.done !== true) continue;
    if (next.value.model.kind !== 'symmetry') throw new Error('the training changed the descriptor');
    return next.value.model;
  }
}
