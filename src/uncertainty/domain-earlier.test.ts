import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { potentialOf } from '../model/load.ts';
import { decodeModel, encodeModel, type ModelFile } from '../model/model-file.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { rattled, supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import { grown } from '../training/grow.ts';
import { type Domain, openDomain, type SourcedFrame } from './domain.ts';
import { earlierDomain } from './domain-earlier.ts';
import { measureDomain } from './domain-measure.ts';

const kernel = await createSimdKernel();
const cells = [2, 2, 2];
const silicon = supercell(crystal('diamond', ['Si'], 5.43), cells);
const simple = supercell(crystal('sc', ['Si'], 2.5), [3, 3, 3]);
const germanium = supercell(crystal('diamond', ['Ge'], 5.66), cells);

function frames(structure: Structure, source: string, seed: number, count = 6): SourcedFrame[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index): SourcedFrame => {
    const frame: Frame = {
      structure: rattled(structure, 0.05, random),
      ...{ labels: {}, group: '', info: {}, arrays: {}, line: 1, index },
    };
    return { frame, source };
  });
}

const of = (list: readonly SourcedFrame[]): Structure[] => list.map(({ frame }) => frame.structure);
const known = { train: frames(silicon, 'si', 1), heldOut: frames(silicon, 'si', 2, 3) };
const fresh = { train: frames(germanium, 'ge', 3), heldOut: frames(germanium, 'ge', 4, 3) };
const asked = of(frames(silicon, '', 9, 4));

const bare = fileOf(randomModel([14], createRandom(5), { sizes: { cutoff: 4.5, onset: 3 } }));
const base: ModelFile = { ...bare, domain: measureDomain(bare, kernel, known) };

function open(file: ModelFile): Domain {
  const again = decodeModel(encodeModel(file), 'model');
  return openDomain(again.domain, potentialOf(again, kernel))!;
}

function trainedAgain(file: ModelFile, before: ModelFile, all = false, structures = of(known.train)): ModelFile {
  const earlier = earlierDomain(before, file, kernel, { structures, all });
  return { ...file, domain: measureDomain(file, kernel, { ...fresh, earlier }) };
}

describe('a grown model', () => {
  const { model } = grown(base.model, [32]);
  const now = open(trainedAgain({ ...bare, model }, base));
  const before = open(base);

  test('says of old structures what it said before: as far beside the limit, and the same frame is the nearest', () => {
    for (const structure of [...asked, simple]) {
      const [p, q] = [before.verdict(structure), now.verdict(structure)];
      expect(q.inside).toBe(p.inside);
      expect(q.farthest.distance / q.limit).toBeCloseTo(p.farthest.distance / p.limit, 4);
      expect(q.farthest.nearest).toEqual(p.farthest.nearest);
      expect(q.sentence).not.toContain('last training');
      const atoms = structure.numbers.length;
      const quick = [before, now].map((domain) => Math.max(...domain.quick(structure)) / domain.quickLimitFor(atoms));
      expect(quick[1]).toBeCloseTo(quick[0], 4);
    }
    expect(before.verdict(simple).inside).toBe(false);
  });

  test('knows the frames of the new element, and no others of it', () => {
    for (const structure of of(fresh.heldOut)) expect(now.verdict(structure).inside).toBe(true);
    const strange = now.verdict({ ...simple, numbers: simple.numbers.map(() => 32) });
    expect(strange.inside).toBe(false);
    expect(strange.farthest.nearest?.source).toBe('ge');
  });

  test('that grows once more remembers all of it', () => {
    const twice = { ...bare, model: grown(model, [50]).model };
    const middle = trainedAgain({ ...bare, model }, base);
    const tin = supercell(crystal('diamond', ['Sn'], 6.49), cells);
    const both = [...asked, ...of(fresh.heldOut)];
    const earlier = earlierDomain(middle, twice, kernel, { structures: both, all: false });
    const source = { train: frames(tin, 'sn', 5), heldOut: frames(tin, 'sn', 6, 3), earlier };
    const last = open({ ...twice, domain: measureDomain(twice, kernel, source) });
    expect(last.record.earlier.length).toBe(2);
    for (const structure of [...both, ...of(source.heldOut)]) expect(last.verdict(structure).inside).toBe(true);
    expect(last.verdict(simple).inside).toBe(false);
  });
});

describe('a fine-tuned model', () => {
  const two = fileOf(randomModel([14, 32], createRandom(5), { sizes: { cutoff: 4.5, onset: 3 } }));
  const start: ModelFile = { ...two, domain: measureDomain(two, kernel, known) };
  const parameters = two.model.parameters.map((p) => 1.01 * p);
  const tuned: ModelFile = { ...two, model: { ...two.model, parameters } };

  test('whose features changed knows its own frames, and says that there were others', () => {
    const domain = open(trainedAgain(tuned, start));
    expect(domain.record.earlier).toEqual([]);
    expect(domain.verdict(of(fresh.heldOut)[0]).inside).toBe(true);
    const { inside, sentence } = domain.verdict(asked[0]);
    expect(inside).toBe(false);
    expect(sentence).toContain('of its last training: what this model saw before that is not known here');
  });

  test('with all of the old frames among the new ones has forgotten nothing', () => {
    expect(open(trainedAgain(tuned, start, true)).verdict(asked[0]).sentence).not.toContain('last training');
  });

  test('whose features are what they were, to the bit, still knows the old frames', () => {
    const domain = open(trainedAgain(two, start));
    expect(domain.record.forgets).toBe(false);
    const before = open(start);
    for (const structure of asked) expect(domain.verdict(structure).inside).toBe(before.verdict(structure).inside);
    expect(asked.some((structure) => domain.verdict(structure).inside)).toBe(true);
  });

  test('of a model that knew nothing of its domain says so', () => {
    expect(open(trainedAgain(two, two)).record.forgets).toBe(true);
  });
});

test('damaged numbers of an earlier training are refused', () => {
  const { model } = grown(base.model, [32]);
  const file = trainedAgain({ ...bare, model }, base);
  const tensors = { ...file.domain!.tensors };
  delete tensors['earlier.0.points'];
  expect(() => open({ ...file, domain: { record: file.domain!.record, tensors } })).toThrow(
    expect.objectContaining({ code: 'bad-model-file' }),
  );
});
