import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { type FrontPoint, frontOf } from '../training/front.ts';
import { choiceSentence, renderFront, renderFrontFigure } from './front-page.ts';

const ERRORS = [
  [2, 50, 0.12],
  [2.4, 48, 0.09],
  [1.5, 55, 0.2],
  [2.5, 51, 0.13],
];
const POINTS = ERRORS.map(([energy, force, stress], k): FrontPoint => {
  const name = k === 0 ? 'default' : `point-0${k}`;
  return {
    ...{ name, weights: { energy: 30, forces: 1, stress: 0.1 }, epochs: 5, seconds: 1, model: `${name}.safetensors` },
    ...{ energy_mae_meV_per_atom: energy, force_mae_meV_per_A: force, stress_mae_GPa: stress },
  };
});
const front = frontOf(POINTS, ['energy', 'forces', 'stress'], { lowest: 'stress', limits: { energy: 2.4 } });
const OPTIONS = { name: 'a <i>', date: '2026-01-01', generator: 'nearsight', frames: 21, split: 'held out <here>' };

describe('page of a front', () => {
  const page = renderFront(front, OPTIONS);

  test('says what was chosen and what it costs, and draws every pair of errors', () => {
    expect(choiceSentence(front)).toBe(
      'Chosen (lowest stress error with energy ≤ 2.4 meV/atom): point-01, energy 2.40 meV/atom (+20 %), forces 48.0 meV/Å (−4 %), stress 0.0900 GPa (−25 %) against the default.',
    );
    const { document } = parseHTML(page);
    expect(document.querySelectorAll('svg.plot')).toHaveLength(3);
    const rows = [...document.querySelectorAll('#models ~ * tbody tr')].map((row) => row.textContent);
    expect(rows).toHaveLength(4);
    expect(rows[1]).toContain('chosen');
    expect(rows[3]).toContain('dominated');
    expect(page).toContain('held out &lt;here&gt;');
    expect(page).not.toMatch(/<script|<i>|NaN|undefined|Infinity/);
    expect(renderFront(front, OPTIONS)).toBe(page);
  });

  test('each stop has its number where its errors are', () => {
    const { document } = parseHTML(page);
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const; // energy, forces, stress
    const line = (a: readonly number[], b: readonly number[], x: number): number =>
      a[1] + ((b[1] - a[1]) * (x - a[0])) / (b[0] - a[0]);
    [...document.querySelectorAll('svg.plot')].forEach((svg, panel) => {
      const texts = [...svg.querySelectorAll('g[font-size="9.5"] text')];
      expect(texts.map((text) => text.textContent)).toEqual(['1', '2', '3']);
      const at = texts.map((text) =>
        /translate\(([\d.]+),([\d.]+)\)/.exec(text.getAttribute('transform')!)!.slice(1).map(Number),
      );
      pairs[panel].forEach((objective, axis) => {
        // Two of the three fix the scale of the axis, the third one must lie on it; y grows downwards.
        const [p, q, r] = [1, 2, 3].map((stop) => [ERRORS[stop][objective], at[stop - 1][axis]]);
        expect(Math.abs(line(p, q, r[0]) - r[1])).toBeLessThan(0.05);
        expect(Math.sign((q[1] - p[1]) / (q[0] - p[0]))).toBe(axis === 0 ? 1 : -1);
      });
    });
  });

  test('of two objectives has one panel; a need that nobody meets is told', () => {
    const points = POINTS.map((point) => ({ ...point, stress_mae_GPa: null }));
    const two = frontOf(points, ['energy', 'forces'], { lowest: 'energy', limits: { forces: 1 } });
    const small = renderFront(two, OPTIONS);
    expect(small.match(/<svg[^>]*class="plot"/g)).toHaveLength(1);
    expect(small).toContain('No model meets the need: lowest energy error with forces ≤ 1 meV/Å.');
    expect(small).not.toMatch(/NaN|undefined/);
  });

  test('the figure alone is an SVG with its own colours', () => {
    const svg = renderFrontFigure(front);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="870"/);
    expect(svg).toContain('--strong:');
    expect(svg.match(/<svg /g)).toHaveLength(4);
    expect(svg).not.toMatch(/NaN|undefined/);
  });
});
