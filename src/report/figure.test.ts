import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { figure } from './figure.ts';

const x = [0, 1, 2, 3];
const curve = { name: 'a < b', x, y: [1, 10, 100, 1000] };
const options = { title: 'Energy & force', x: { label: 'Distance (Å)' }, y: { label: 'Energy (eV)' } };

const drawn = (svg: string): SVGElement => parseHTML(`<body>${svg}</body>`).document.querySelector('svg')!;

describe('a figure', () => {
  test('stands alone: namespace, size, colours of its own, nothing from elsewhere', () => {
    const svg = figure({ ...options, series: [curve, { ...curve, name: 'dots', mark: 'dots' }] });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="\d+" height="\d+"/);
    expect(svg.match(/https?:/g)).toHaveLength(1);
    expect(svg).not.toMatch(/url\(|<script|href|@import/);
    for (const [variable] of svg.matchAll(/var\((--[a-z]+)\)/g)) expect(variable).toBe('var(--paper)');
    expect(svg).toContain('--paper:#ffffff');
    const text = drawn(svg).textContent;
    for (const words of ['Energy & force', 'Distance (Å)', 'Energy (eV)', 'a < b', 'dots'])
      expect(text).toContain(words);
    expect(figure({ ...options, series: [curve, { ...curve, name: 'dots', mark: 'dots' }] })).toBe(svg);
  });

  test('a logarithmic axis makes powers of ten evenly spaced, and leaves out what it cannot show', () => {
    const svg = figure({ ...options, y: { label: 'E', log: true }, series: [{ x: [-1, ...x], y: [0, ...curve.y] }] });
    const path = drawn(svg).querySelector('[stroke="#0072b2"] path, path[stroke="#0072b2"]')!.getAttribute('d')!;
    const heights = [...path.matchAll(/,([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(4);
    const steps = heights.slice(1).map((y, i) => heights[i] - y);
    for (const step of steps) expect(step).toBeCloseTo(steps[0], 1);
    expect(steps[0]).toBeGreaterThan(20);
  });

  test('draws dashes, bars and error bars', () => {
    const one = (more: object): string => figure({ ...options, series: [{ ...curve, ...more }] });
    expect(one({ mark: 'dashes' })).toContain('stroke-dasharray');
    const lines = (svg: string): number => drawn(svg).querySelectorAll('path').length;
    expect(lines(one({ mark: 'bars' })) - lines(one({}))).toBe(3);
    expect(lines(one({ error: [1, 0, 2, 3] })) - lines(one({}))).toBe(3);
  });

  test('refuses what cannot be drawn', () => {
    const draw =
      (series: object): (() => string) =>
      () =>
        figure({ ...options, series: [{ ...curve, ...series }] });
    expect(draw({ y: [1] })).toThrow(expect.objectContaining({ code: 'figure-shape' }));
    expect(draw({ error: [1] })).toThrow(expect.objectContaining({ code: 'figure-shape' }));
    expect(draw({ y: [1, Number.NaN, 3, 4] })).toThrow(expect.objectContaining({ code: 'figure-not-finite' }));
    expect(() => figure({ ...options, series: [] })).toThrow(/nothing to draw/);
    const negative = { ...options, y: { label: 'E', log: true }, series: [{ x: [1], y: [-1] }] };
    expect(() => figure(negative)).toThrow(expect.objectContaining({ code: 'figure-shape' }));
  });

  test('words of the user stay words', () => {
    const attack = '"><script>alert(1)</script>';
    const svg = figure({ ...options, title: attack, series: [{ ...curve, name: attack }] });
    expect(drawn(svg).querySelectorAll('script')).toHaveLength(0);
    expect(svg).not.toContain('<script');
  });
});
