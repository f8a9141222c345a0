import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { checkSymmetryShape, type SymmetryFunction } from '../kernels/symmetry.ts';
import { randomLabels, randomSystem } from '../kernels/testing.ts';
import { foldedWeights, loadModel } from '../model/model.ts';
import { headOf, headSchemaFor, modelOf, tensorsOf } from '../model/model-record.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';
import type { SymmetryModel } from '../model/symmetry-model.ts';
import { createRandom } from '../random.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint-file.ts';
import { completeSettings } from './complete.ts';
import { elementsOf, prepareFrames, type TrainingFrame } from './prepare.ts';
import { SYMMETRY_MODEL, type SymmetrySettings } from './settings.ts';
import { automaticFunctions, startSymmetryModel } from './symmetry-start.ts';
import { type TrainingCheckpoint, type TrainingInput, type TrainingResult, train } from './trainer.ts';

const settings: SymmetrySettings = { ...SYMMETRY_MODEL, radial: 5, angular: 2, zetas: [1, 4] };

describe('the automatic choice of functions', () => {
  test('counts: each species and pair of species, or as many for any number of species', () => {
    const count = (species: number, weighted: boolean): number =>
      automaticFunctions({ ...settings, weighted }, species).length;
    expect([1, 2, 3].map((S) => count(S, false))).toEqual([5 + 8, 10 + 24, 15 + 48]);
    expect([1, 2, 3].map((S) => count(S, true))).toEqual([13, 13, 13]);
    expect(automaticFunctions({ ...settings, radial: 1, angular: 0 }, 1)).toHaveLength(1);
  });

  test('are what the contract allows, all of them different', () => {
    for (const wide of [false, true]) {
      for (const weighted of [false, true]) {
        for (const n of [1, 2, 7, 12]) {
          const functions = automaticFunctions({ ...settings, radial: n, angular: n, wide, weighted }, 2);
          checkSymmetryShape({
            ...{ ...SYMMETRY_MODEL, species: 2, functions: [functions, functions], elementWeights: [1, 8] },
          });
          expect(new Set(functions.map((f) => JSON.stringify(f))).size).toBe(functions.length);
          const kinds = new Set(functions.map((f) => f.kind));
          expect(kinds).toEqual(new Set(['radial', wide ? 'wide' : 'narrow']));
        }
      }
    }
  });

  test('leave no distance within the cutoff unseen, and follow the cutoff', () => {
    const seen = (f: SymmetryFunction, r: number): number => Math.exp(-f.eta * (r - f.shift) ** 2);
    for (const cutoff of [3, 5, 8]) {
      const radial = automaticFunctions({ ...settings, radial: 8, angular: 0, cutoff }, 1);
      for (let share = 0.05; share < 1; share += 0.05) {
        // The steepest of them tells this distance from a slightly larger one.
        const changes = radial.map((f) => Math.abs(seen(f, share * cutoff) - seen(f, (share + 0.02) * cutoff)));
        expect(Math.max(...changes)).toBeGreaterThan(0.02);
      }
      for (const [n, f] of radial.entries()) {
        const unit = automaticFunctions({ ...settings, radial: 8, angular: 0, cutoff: 1 }, 1)[n];
        expect(f.eta * cutoff ** 2).toBeCloseTo(unit.eta, 10);
        expect(f.shift / cutoff).toBeCloseTo(unit.shift, 10);
      }
    }
  });
});

/** Random frames of some species, of which the last one never occurs when `missing`. */
function strangers(species: number, missing: boolean): TrainingFrame[] {
  const random = createRandom(5);
  return Array.from({ length: 6 }, () => {
    const shape = { species: missing ? species - 1 : species, cutoff: 5 };
    const system = randomLabels(randomSystem(shape, random, { atoms: 7 }), random);
    const composition = new Float64Array(species);
    for (const s of system.species.subarray(0, 7)) composition[s]++;
    return {
      system,
      group: '',
      composition,
      volume: 0,
      isolated: true,
      has: { energy: true, forces: true, stress: false },
    };
  });
}

describe('the first model', () => {
  const measured = { referenceEnergies: Float64Array.of(-1, -2, -3), forceDeviation: 0.7 };
  const kernel = createReferenceKernel();
  const start = (frames: readonly TrainingFrame[], change: Partial<SymmetrySettings> = {}): SymmetryModel =>
    startSymmetryModel(
      { kernel, elements: [1, 6, 8], train: frames },
      { ...settings, ...change },
      measured,
      createRandom(3),
    );

  test('scales its functions to mean 0 and deviation 1 over the training atoms of each species', () => {
    const frames = strangers(3, false);
    const model = start(frames);
    const engine = loadModel(model, kernel);
    const { centre, deviation } = model.statistics;
    const F = model.shape.functions[0].length;
    for (let z = 0; z < 3; z++) {
      const rows = frames.flatMap(({ system }) => {
        const G = engine.features(system);
        const own = Array.from({ length: system.atoms }, (_, i) => i).filter((i) => system.species[i] === z);
        return own.map((i) => G.slice(i * F, (i + 1) * F));
      });
      let lively = 0;
      for (let f = 0; f < F; f++) {
        const x = rows.map((G) => (G[f] - centre[z * F + f]) / deviation[z * F + f]);
        const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
        const square = x.reduce((sum, v) => sum + v * v, 0) / x.length;
        expect(mean).toBeCloseTo(0, 8);
        expect(square).toBeLessThan(1 + 1e-8);
        if (Math.abs(square - 1) < 1e-8) lively++;
      }
      expect(lively).toBeGreaterThan(F / 2);
    }
  });

  test('is a number, and its weights too, where a species or a pair of them is never seen', () => {
    const frames = strangers(3, true);
    const model = start(frames);
    expect(foldedWeights(model).every(Number.isFinite)).toBe(true);
    const engine = loadModel(model, kernel);
    const unseen = strangers(3, false);
    for (const { system } of [...frames, ...unseen]) {
      const { energies, forces } = engine.evaluate(system);
      expect(energies.every(Number.isFinite) && forces.every(Number.isFinite)).toBe(true);
    }
    // Energies of atoms are small before the first step: the readout starts at some tenths of the force scale.
    const { energies } = engine.evaluate(frames[0].system);
    expect(Math.max(...energies.map(Math.abs))).toBeLessThan(5 * measured.forceDeviation);
  });

  test('sees weighted functions with the atomic numbers as weights', () => {
    const model = start(strangers(3, false), { weighted: true });
    expect(model.shape.elementWeights).toEqual([1, 6, 8]);
    expect(model.shape.functions[0].every((f) => (f.kind === 'radial' ? f.neighbour : f.neighbours) === null)).toBe(
      true,
    );
  });

  test('comes back from its record with the same bits', () => {
    const model = start(strangers(3, false));
    const head = JSON.parse(JSON.stringify(headOf(model)));
    const { tensors } = readSafetensors(writeSafetensors({ tensors: tensorsOf(model), metadata: {} }), 'a file');
    expect(modelOf(tensors, headSchemaFor(head).parse(head), 'a file')).toEqual(model);
  });

  test('without an atom is refused', () => {
    expect(() => start([])).toThrowError(expect.objectContaining({ code: 'no-atoms' }));
  });
});

describe('training of symmetry functions', () => {
  const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
  const frames: readonly Frame[] = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz')
    .filter(({ structure }) => structure.numbers.length === 8)
    .filter((_, i) => i % 8 === 0);
  const partial = { descriptor: 'symmetry', cutoff: 4, radial: 6, angular: 1, zetas: [1, 4], hidden: [8, 8] } as const;
  const kernel = createReferenceKernel();

  function inputOf(change: Partial<TrainingInput> = {}): TrainingInput {
    const base = completeSettings({ model: partial, batch: 4, validations: 2 }, frames);
    const prepared = prepareFrames(frames, elementsOf(frames), base.model.cutoff, {
      source: PATH,
      use: { energy: true, forces: true, stress: true },
    });
    return {
      kernel,
      elements: elementsOf(frames),
      train: prepared.filter((_, i) => i % 4 !== 0),
      validation: prepared.filter((_, i) => i % 4 === 0),
      settings: { ...base, epochs: 80, rate: 0.01 },
      ...change,
    };
  }
  async function finish(
    input: TrainingInput,
    stopAfter = Number.POSITIVE_INFINITY,
  ): Promise<{ result: TrainingResult | null; checkpoint: TrainingCheckpoint | null }> {
    const run = train(input);
    let checkpoint: TrainingCheckpoint | null = null;
    for (;;) {
      const next = await run.next();
      if (next.done === true) return { result: next.value, checkpoint };
      checkpoint = next.value.checkpoint();
      if (next.value.epoch < stopAfter) continue;
      await run.return(undefined as never);
      return { result: null, checkpoint };
    }
  }

  test('learns silicon: errors fall well below the spread of the labels', async () => {
    const { result } = await finish(inputOf({ kernel: await createSimdKernel() }));
    expect(result!.model.kind).toBe('symmetry');
    const last = result!.history.at(-1)!.validation!;
    // The labels spread by 0.9 eV/Å in the forces and 0.15 eV/atom in the energies.
    expect(last.forces).toBeLessThan(0.3);
    expect(last.energy).toBeLessThan(0.05);
  });

  test('both kernels take the same path as far as their precision goes, with layers of any width', async () => {
    const { settings: base, ...rest } = inputOf();
    const optimiser = { ...base.optimiser, method: 'adam' as const };
    const odd = { ...base, model: { ...base.model, hidden: [7, 5] as const }, optimiser, epochs: 3 };
    const [fast, slow] = await Promise.all(
      [await createSimdKernel(), kernel].map(
        async (either) => (await finish({ ...rest, kernel: either, settings: odd })).result!.history.at(-1)!,
      ),
    );
    expect(fast.train.forces).toBeCloseTo(slow.train.forces, 3);
    expect(fast.validation!.energy).toBeCloseTo(slow.validation!.energy, 3);
  });

  test('stopped and resumed from its checkpoint file: the same bits', async () => {
    const short = inputOf();
    const input = { ...short, settings: { ...short.settings, epochs: 4 } };
    const whole = (await finish(input)).result!;
    const { checkpoint } = await finish(input, 2);
    const stored = decodeCheckpoint(encodeCheckpoint(checkpoint!, 'plan'), 'test', 'plan');
    const resumed = (await finish({ ...input, checkpoint: stored })).result!;
    expect(resumed.model).toEqual(whole.model);
  });
});
