import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { potentialOf } from '../model/load.ts';
import { decodeModel, encodeModel } from '../model/model-file.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { permuted, rattled, rotated, rotationMatrix, supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { openDomain, type SourcedFrame } from './domain.ts';
import { crowdingOf, neighbourCounts, strangeCount, strangenessOf } from './domain-crowding.ts';
import { measureDomain } from './domain-measure.ts';

const CUTOFF = 4.5;
const countsOf = (structure: Structure, skin = 0): Float64Array =>
  neighbourCounts(structure, buildNeighbourList(structure, CUTOFF, { skin }), CUTOFF);

describe('neighbours', () => {
  test('of a dimer, an atom and a crystal are counted', () => {
    const weight = (r: number): number => (1 - (r / CUTOFF) ** 2) ** 2;
    for (const n of countsOf(createStructure(['Si', 'Si'], [0, 0, 0, 2.3, 0, 0]))) expect(n).toBeCloseTo(weight(2.3));
    expect([...countsOf(createStructure(['Si'], [0, 0, 0]))]).toEqual([0]);
    const a = 5.43;
    const shells = [
      [4, Math.sqrt(3) / 4],
      [12, Math.SQRT1_2],
      [12, Math.sqrt(11) / 4],
    ];
    const expected = shells.reduce((sum, [n, r]) => sum + n * weight(Math.min(CUTOFF, r * a)), 0);
    for (const n of countsOf(crystal('diamond', ['Si'], a))) expect(n).toBeCloseTo(expected, 10);
  });

  test('are the same for a list that reaches farther, another order, another view and a larger cell', () => {
    const structure = rattled(crystal('zincblende', ['Si', 'Ge'], 5.5), 0.2, createRandom(3));
    const before = countsOf(structure);
    const near = (a: ArrayLike<number>, b: ArrayLike<number>): void =>
      Array.from(a).forEach((value, i) => void expect(value).toBeCloseTo(b[i], 9));
    near(countsOf(structure, 1), before);
    near(countsOf(permuted(structure, [7, 6, 5, 4, 3, 2, 1, 0])), [...before].reverse());
    near(countsOf(rotated(structure, rotationMatrix([1, 2, 3], 1))), before);
    near(countsOf(supercell(structure, [2, 1, 1])), [...before, ...before]);
  });
});

describe('what is known of numbers of neighbours', () => {
  const train = { counts: [0, 4, 4.2, 5], frame: [0, 1, 2, 2] };

  test('has holes: between the single atom and the crystal nothing is known', () => {
    const crowding = crowdingOf(train, [4.1, 4.5, 4.9], 3);
    expect(crowding.ranges.map(([from]) => from)).toEqual([0, 4]);
    for (const n of [0, 4, 4.1, 4.6, 5, 5.1]) expect(strangenessOf(crowding, n)).toBeLessThanOrEqual(1);
    expect(strangeCount(crowding, 0.6)).toEqual({ count: 0.6, below: 0, above: 4 });
    expect(strangeCount(crowding, 7)).toEqual({ count: 7, below: 5, above: null });
    expect(strangeCount(crowding, 4.6)).toBeNull();
  });

  test('grows by what is held out, but not without limit', () => {
    const margin = (held: number[]): number => crowdingOf(train, held, 1).margin;
    expect(margin([4.1])).toBe(0.05);
    expect(margin([5.5])).toBeCloseTo(2 * Math.log(6.5 / 6));
    expect(margin([20])).toBe(0.25);
    // Without held-out frames: the frame with 4.2 and 5 is 1.2/5 and 1/5.2 from 4, which is that from 4.2; 0 is far.
    expect(crowdingOf(train, [], 1).margin).toBe(0.25);
    expect(crowdingOf({ counts: [4, 4.2], frame: [0, 1] }, [], 1).margin).toBeCloseTo(2 * Math.log(5.2 / 5));
    expect(crowdingOf({ counts: [4, 4.2], frame: [1, 1] }, [], 1).margin).toBe(0.05);
  });

  test('has no training environment and nothing within half a margin of one outside', () => {
    const number = fc.double({ min: 0, max: 30, noNaN: true });
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 30 }), fc.array(number), (counts, held) => {
        const crowding = crowdingOf({ counts, frame: counts.map((_, i) => i % 5) }, held, 4);
        for (const n of counts) {
          expect(strangenessOf(crowding, n)).toBe(0);
          expect(strangenessOf(crowding, Math.expm1(Math.log1p(n) + crowding.margin / 2))).toBeLessThan(0.51);
        }
        const largest = Math.max(...counts);
        expect(strangenessOf(crowding, Math.expm1(Math.log1p(largest) + 3 * crowding.margin))).toBeCloseTo(3);
      }),
    );
  });
});

const kernel = await createSimdKernel();
const diamond = supercell(crystal('diamond', ['Si'], 5.43), [2, 2, 2]);
/** With two surfaces and vacuum between: along the third direction the cell is longer than the crystal. */
const slab: Structure = { ...diamond, cell: diamond.cell.map((c, k) => (k === 8 ? c + 10 : c)) };

function frames(structure: Structure, group: string, seed: number, count: number): SourcedFrame[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index): SourcedFrame => {
    const frame: Frame = {
      structure: rattled(structure, 0.05, random),
      ...{ labels: {}, group, info: {}, arrays: {}, line: 1, index },
    };
    return { frame, source: 'si' };
  });
}

function learned(train: readonly SourcedFrame[]) {
  const file = fileOf(randomModel([14], createRandom(5), { sizes: { cutoff: CUTOFF, onset: 3 } }));
  const heldOut = [...frames(diamond, 'bulk', 2, 3), ...frames(slab, 'surface', 2, 3)];
  const attachment = measureDomain(file, kernel, { train, heldOut });
  const { domain: kept } = decodeModel(encodeModel({ ...file, domain: attachment }), 'test');
  const potential = potentialOf(file, kernel);
  return { kept: kept!, potential, domain: openDomain(kept, potential)! };
}

describe('a domain of bulk and surfaces', () => {
  const train = [...frames(diamond, 'bulk', 1, 8), ...frames(slab, 'surface', 1, 8)];
  const { domain, kept, potential } = learned(train);
  const inVacuum = [
    createStructure(['Si', 'Si'], [0, 0, 0, 2.3, 0, 0]),
    createStructure(['Si'], [0, 0, 0]),
    ...[7, 8, 9, 12].map((a) => supercell(crystal('diamond', ['Si'], a), [2, 2, 2])),
  ];

  test('does not hold what is sparser, by either measure', () => {
    for (const structure of inVacuum) {
      const { inside, farthest, sentence } = domain.verdict(structure);
      expect(inside).toBe(false);
      expect(farthest.crowding?.below).toBeNull();
      expect(sentence).toMatch(
        / neighbours (\(weighted by nearness\) )?where Si atoms of the training have at least \d/,
      );
      const atoms = structure.numbers.length;
      for (const d of domain.quick(structure)) expect(d).toBeGreaterThan(domain.quickLimitFor(atoms));
    }
    expect(domain.verdict(inVacuum[1]).sentence).toContain('; no neighbours where');
  });

  test('nor what is denser; and holds bulk and surfaces', () => {
    const dense = domain.verdict(supercell(crystal('diamond', ['Si'], 4.4), [2, 2, 2]));
    expect(dense.inside).toBe(false);
    expect(dense.farthest.crowding).toMatchObject({ above: null });
    const like = [...frames(diamond, '', 7, 10), ...frames(slab, '', 7, 10)];
    const verdicts = like.map(({ frame }) => domain.verdict(frame.structure));
    expect(verdicts.filter(({ inside }) => !inside).length).toBeLessThanOrEqual(1);
    for (const { outside, farthest } of verdicts) {
      for (const { crowding } of [farthest, ...outside]) expect(crowding).toBeNull();
    }
  });

  test('with single atoms among the training frames knows these, and not the dimer', () => {
    const atom = createStructure(['Si'], [0, 0, 0]);
    const { domain: more } = learned([...train, ...frames(atom, 'atom', 1, 2)]);
    expect(more.verdict(atom).inside).toBe(true);
    expect(more.verdict(inVacuum[0]).inside).toBe(false);
    expect(more.verdict(inVacuum[0]).sentence).toMatch(/have none or at least \d/);
  });

  test('of a file that says nothing of neighbours is what it was', () => {
    const { crowding: _, ...record } = kept.record;
    const older = openDomain({ ...kept, record }, potential)!;
    const { structure } = train[9].frame;
    expect(older.distances(structure)).toEqual(domain.distances(structure));
    expect(older.verdict(inVacuum[0]).farthest.crowding).toBeNull();
    expect(older.distances(inVacuum[0])[0]).toBeLessThan(domain.distances(inVacuum[0])[0]);
  });

  test.each([
    ['one species too many', [...(kept.record.crowding as object[]), { ranges: [], margin: 1 }]],
    ['descending', [{ ranges: [[4, 3]], margin: 0.05 }]],
    ['nothing', [{ ranges: [], margin: 0.05 }]],
    ['no margin', [{ ranges: [[3, 4]], margin: 0 }]],
  ])('with damaged numbers is refused: %s', (_, crowding) => {
    const record = { ...kept.record, crowding } as typeof kept.record;
    expect(() => openDomain({ ...kept, record }, potential)).toThrow(
      expect.objectContaining({ code: 'bad-model-file' }),
    );
  });
});
