import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import { paritySet, thinPairs } from '../parity-set.ts';
import { exampleReportData } from '../testing.ts';
import { energyVolumePlot, learningPlot } from './curves.ts';
import { parityPlot } from './parity.ts';
import { domainOf, logDomain, type Point, points, thinSeries } from './series.ts';

/** All numbers of the `d` attributes of the paths with this stroke. */
function pathNumbers(svg: string, stroke: string): number[] {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const groups = [...document.querySelectorAll(`path[stroke="${stroke}"], g[stroke="${stroke}"] path`)];
  return groups.flatMap((path) => [...(path.getAttribute('d') ?? '').matchAll(/-?\d+\.?\d*/g)].map(Number));
}

describe('parity plot', () => {
  test('perfect predictions lie on the drawn line y = x, and errors above or below it', () => {
    const reference = [-3, -1, 0, 2, 4];
    const quantiles: number[] = [];
    const perfect = { reference, predicted: reference, total: 5, quantiles };
    const high = { reference, predicted: reference.map((value) => value + 0.5), total: 5, quantiles };
    const svg = parityPlot('p', 'forces', { train: perfect, test: high })!.html;
    const diagonal = /stroke-width="0\.8"[^>]*><path d="M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)/.exec(svg)!;
    const [x0, y0, x1, y1] = diagonal.slice(1).map(Number) as [number, number, number, number];
    const above = (stroke: string): number[] => {
      const numbers = pathNumbers(svg, stroke);
      // "M x y h 0" for each dot
      return reference.map((_, i) => y0 + ((numbers[3 * i]! - x0) * (y1 - y0)) / (x1 - x0) - numbers[3 * i + 1]!);
    };
    for (const offset of above('var(--train)')) expect(Math.abs(offset)).toBeLessThan(0.11);
    const pixelsPerUnit = (y0 - y1) / (1.08 * 7.5);
    for (const offset of above('var(--strong)')) expect(offset).toBeCloseTo(0.5 * pixelsPerUnit, 0);
  });

  test('says nothing where there is nothing', () => {
    expect(parityPlot('p', 'energy', {})).toBeUndefined();
  });
});

describe('thinning', () => {
  test('of pairs keeps the outlier, the order and the statistics', () => {
    const random = createRandom(11);
    const reference = Float64Array.from({ length: 20_000 }, () => random.normal());
    const predicted = reference.map((value) => value + 0.01 * random.normal());
    predicted[12_345] = 9;
    const set = paritySet(reference, predicted, 2000);
    expect(set.reference.length).toBeLessThanOrEqual(2000);
    expect(set.reference.length).toBeGreaterThan(200);
    expect(set.total).toBe(20_000);
    expect(set.predicted).toContain(9);
    expect(set.quantiles).toHaveLength(101);
    expect(set.quantiles[100]).toBe(9 - reference[12_345]!);
    // The median of |N(0, 0.01)| is 0.6745 · 0.01; its sampling error here is 0.6 %.
    expect(set.quantiles[50]! / 0.006745).toBeCloseTo(1, 1);
  });

  test('of pairs never exceeds the maximum', () => {
    const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (xs, maximum) => {
        const kept = thinPairs(xs, [...xs].reverse(), maximum);
        expect(kept.length).toBeLessThanOrEqual(maximum);
        expect(kept.length).toBeGreaterThan(0);
        expect([...kept].sort((a, b) => a - b)).toEqual(kept);
      }),
    );
  });

  test('of a series keeps its ends, its highest and its lowest point', () => {
    const random = createRandom(13);
    const series = Array.from({ length: 10_000 }, (_, i): Point => [i, random.normal()]);
    const thinned = thinSeries(series, 400);
    expect(thinned.length).toBeLessThanOrEqual(404);
    expect(thinned[0]).toEqual(series[0]);
    expect(thinned.at(-1)).toEqual(series.at(-1));
    const heights = (list: readonly Point[]): number[] => list.map((point) => point[1]);
    expect(Math.max(...heights(thinned))).toBe(Math.max(...heights(series)));
    expect(Math.min(...heights(thinned))).toBe(Math.min(...heights(series)));
    expect(thinned.every((point, i) => i === 0 || point[0] > thinned[i - 1]![0])).toBe(true);
  });

  test('refuses what cannot be compared', () => {
    expect(() => paritySet([1, 2], [1])).toThrow(expect.objectContaining({ code: 'report-shape' }));
    expect(() => paritySet([1, 2], [1, Number.NaN])).toThrow(expect.objectContaining({ code: 'report-not-finite' }));
  });
});

describe('axes', () => {
  test('a logarithmic axis always has a power of ten to label', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 50, noNaN: true }),
        (low, factor) => {
          const [from, to] = logDomain([low, low * factor])!;
          expect(from).toBeLessThanOrEqual(low * (1 + 1e-9));
          expect(to).toBeGreaterThanOrEqual(low * factor * (1 - 1e-9));
          expect(Math.floor(Math.log10(to) + 1e-9)).toBeGreaterThanOrEqual(Math.ceil(Math.log10(from) - 1e-9));
        },
      ),
    );
    expect(logDomain([0, -1])).toBeUndefined();
  });

  test('a domain has width even when all values agree', () => {
    expect(domainOf([])).toBeUndefined();
    for (const value of [0, -2, 5]) {
      const [low, high] = domainOf([value, value])!;
      expect(low).toBeLessThan(value);
      expect(high).toBeGreaterThan(value);
    }
  });

  test('pairs with a missing partner are dropped', () => {
    expect(points([1, 2, 3], [4, Number.NaN], 10, 100)).toEqual([[10, 400]]);
  });
});

test('the energy–volume minimum of the reference is at zero energy', () => {
  const volume = [18, 19, 20, 21, 22];
  const energy = volume.map((v) => -107 + 0.01 * (v - 20) ** 2);
  const svg = energyVolumePlot('e', { potential: { volume, energy }, reference: { volume, energy } }, 'wide')!.html;
  const ticks = [...parseHTML(svg).document.querySelectorAll('text')].map((text) => text.textContent);
  expect(ticks).toContain('0');
  expect(ticks).toContain('40');
  expect(ticks).toContain('Energy (meV/atom)');
});

test('held-out reference points are filled, the others are open', () => {
  const potential = { volume: [18, 20, 22], energy: [-106.9, -107, -106.9] };
  const heldOut = { volume: [21], energy: [-106.98] };
  const svg = energyVolumePlot('e', { potential, reference: potential, heldOut }, 'wide')!.html;
  const { document } = parseHTML(svg);
  const fills = [...document.querySelectorAll('circle')].map((circle) =>
    circle.closest('[fill]')!.getAttribute('fill'),
  );
  expect(fills.filter((fill) => fill === 'var(--paper)')).toHaveLength(3);
  expect(fills.filter((fill) => fill === 'currentColor')).toHaveLength(1);
});

test('errors that were not recorded are not drawn', () => {
  const { learning } = exampleReportData();
  const points = learning!.points.map(({ epoch, validation }) => ({
    epoch,
    validation: { forces: validation!.forces! },
  }));
  const curve = { measure: 'MAE' as const, points };
  expect(learningPlot('l', 'energy', curve, 'wide')).toBeUndefined();
  const svg = learningPlot('l', 'forces', curve, 'wide')!.html;
  expect(pathNumbers(svg, 'var(--train)')).toEqual([]);
  expect(pathNumbers(svg, 'var(--strong)').length).toBeGreaterThan(100);
  expect(svg).toContain('Force MAE (meV/Å)');
  expect(svg).toContain('Epoch');
});
