import { describe, expect, it } from 'vitest';
import type { Dataset, Frame } from '../../data/dataset.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createRandom } from '../../random.ts';
import { rattled, rotated, rotationMatrix, supercell } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure, type Structure } from '../../structure/structure.ts';
import { inspectDataset } from '../inspect.ts';
import { energyVolumes, forceSizes, histogramOf, pairDistances } from './distributions.ts';
import { environmentMap } from './map.ts';
import { portraitOf } from './portrait.ts';

const frameOf = (structure: Structure, labels: Frame['labels'] = {}, group = ''): Frame => ({
  ...{ structure, labels, group, info: {}, arrays: {}, line: 1, index: 0 },
});

describe('distributions', () => {
  it('a histogram counts every finite value once, the far tail in its last interval', () => {
    const values = Float64Array.from({ length: 1000 }, (_, k) => k);
    const { from, width, counts } = histogramOf(Float64Array.of(...values, Number.NaN), 10, 0.5);
    expect(counts.reduce((a, b) => a + b)).toBe(1000);
    expect(from).toBe(0);
    expect(width).toBeCloseTo(50, 9);
    expect(counts[0]).toBe(50);
    expect(counts[9]).toBe(550);
  });

  it('counts the neighbours of crystals: 12 in fcc, 6 unlike and 12 like in rock salt', () => {
    const integral = (pair: ReturnType<typeof pairDistances>[number], upTo: number): number =>
      pair.distance.reduce((sum, r, k) => {
        const step = pair.distance[1] - pair.distance[0];
        const shell = (4 / 3) * Math.PI * ((r + step / 2) ** 3 - (r - step / 2) ** 3);
        return r < upTo ? sum + pair.density[k] * shell : sum;
      }, 0);
    const [copper] = pairDistances([frameOf(crystal('fcc', ['Cu'], 3.6))]);
    expect(integral(copper, 3.0)).toBeCloseTo(12, 9);
    expect(copper.shortest).toBeCloseTo(3.6 / Math.SQRT2, 9);
    const salt = pairDistances([frameOf(crystal('rocksalt', ['Na', 'Cl'], 5.64))]);
    const unlike = salt.find(({ elements }) => elements[0] !== elements[1]);
    const like = salt.find(({ elements }) => elements[0] === 'Na' && elements[1] === 'Na');
    expect(integral(unlike!, 3.5)).toBeCloseTo(6, 9);
    expect(integral(like!, 4.5)).toBeCloseTo(12, 9);
  });

  it('energies and volumes are per atom and leave molecules out', () => {
    const cell = crystal('fcc', ['Cu'], 4);
    const molecule = createStructure(['H', 'H'], [0, 0, 0, 0, 0, 0.74]);
    const frames = [frameOf(cell, { energy: -16 }, 'a'), frameOf(molecule, { energy: -2 }, 'b')];
    expect(energyVolumes(frames)).toEqual([{ group: 'a', volume: [16], energy: [-4] }]);
  });

  it('sizes of forces are sorted by element', () => {
    const water = createStructure(['O', 'H', 'H'], [0, 0, 0, 1, 0, 0, 0, 1, 0]);
    const sizes = forceSizes([frameOf(water, { forces: Float64Array.of(3, 4, 0, 1, 0, 0, 0, 1, 0) })]);
    expect(sizes.map(({ element, atoms }) => [element, atoms])).toEqual([
      ['H', 2],
      ['O', 1],
    ]);
    expect(sizes[1].histogram.from).toBe(5);
  });
});

describe('the map of environments', () => {
  it('puts rotated and repeated copies onto the same points', () => {
    const random = createRandom(3);
    const cells = [1, 2, 3].map(() => rattled(crystal('diamond', ['Si'], 5.43), 0.1, random));
    const turned = rotated(cells[0], rotationMatrix([1, 2, 3], 0.7));
    const frames = [...cells, turned, supercell(cells[1], [2, 1, 1])].map((structure) => frameOf(structure));
    const map = environmentMap(frames, createReferenceKernel())!;
    const pointsOf = (frame: number): number[][] =>
      map.frame.flatMap((f, k) => (f === frame ? [[map.x[k], map.y[k]]] : []));
    for (const [a, b] of [
      [pointsOf(0), pointsOf(3)],
      [pointsOf(1), pointsOf(4).slice(0, 8)],
    ]) {
      expect(a.length).toBe(8);
      for (const [i, p] of a.entries()) {
        expect(p[0]).toBeCloseTo(b[i][0], 6);
        expect(p[1]).toBeCloseTo(b[i][1], 6);
      }
    }
    expect(map.explained[0]).toBeGreaterThan(map.explained[1]);
  });
});

describe('portraitOf', () => {
  it('draws the frames that findings and influence name, with their atoms', () => {
    const random = createRandom(5);
    const good = Array.from({ length: 20 }, () =>
      frameOf(rattled(crystal('diamond', ['Si'], 5.43), 0.05, random), { energy: -40 + 0.01 * random.normal() }),
    );
    const close = createStructure(['Si', 'Si', 'Si'], [0, 0, 0, 0, 0, 0.5, 2.4, 0, 0]);
    const dataset: Dataset = { frames: [...good, frameOf(close, { energy: -14 })], source: 'made', sha256: '' };
    const portrait = portraitOf(dataset, inspectDataset(dataset), {
      kernel: createReferenceKernel(),
      influence: {
        atoms: dataset.frames.map(({ structure }) => new Float64Array(structure.numbers.length).fill(0.5)),
        outliers: [{ frame: 3, atom: 2, reason: 'force outlier' }],
      },
    });
    const contact = portrait.flagged.find(({ frame }) => frame === 20)!;
    expect(contact.reasons).toContain('impossible-distance');
    expect(contact.atoms.toSorted()).toEqual([0, 1]);
    const outlier = portrait.flagged.find(({ frame }) => frame === 3)!;
    expect(outlier.atoms).toEqual([2]);
    expect(portrait.influence!.every((cook) => cook === 0.5)).toBe(true);
    expect(portrait.map!.x.length).toBe(20 * 8 + 3);
  });
});
