import { describe, expect, test } from 'vitest';
import type { Coverage } from '../curation/index.ts';
import { renderCoverage } from './coverage-page.ts';

const COVERAGE: Coverage = {
  groups: [
    { name: 'hydrostatic', made: 3, kept: 2, atoms: 16, volumes_A3_per_atom: [18, 20] },
    { name: 'surface-<111>', made: 1, kept: 1, atoms: 12, volumes_A3_per_atom: [] },
  ],
  distances: [{ elements: ['Si', 'Si'], shortest: 2.2, pairs: 8, distance: [1, 2, 3], density: [0, 0.2, 0.1] }],
  map: {
    ...{ x: [0, 1, 2, 3], y: [0, 1, 0, 1], group: [0, 0, 0, 1], kept: [true, true, false, true] },
    ...{ explained: [0.6, 0.2], total: 4 },
  },
};
const OPTIONS = { name: 'diamond:Si, plan.yaml', date: '2026-01-01', generator: 'nearsight' };

describe('renderCoverage', () => {
  const page = renderCoverage(COVERAGE, {
    ...OPTIONS,
    refused: [{ group: 'hydrostatic', message: 'Si 0 and Si 1 are too close', count: 4 }],
  });

  test('says what was made, kept and refused, and draws the rest', () => {
    for (const text of ['3 structures chosen out of 4', 'Si 0 and Si 1 are too close', 'Si–Si', '18.0–20.0']) {
      expect(page).toContain(text);
    }
    for (const id of ['groups', 'map', 'volumes', 'distances']) expect(page).toContain(`<h2 id="${id}">`);
    expect(page.match(/<svg[^>]*class="plot"/g)).toHaveLength(4);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('is safe and the same each time', () => {
    expect(page).toContain('surface-&lt;111&gt;');
    expect(page).not.toMatch(/<script/i);
    expect(renderCoverage(COVERAGE, OPTIONS)).toBe(renderCoverage(COVERAGE, OPTIONS));
  });

  test('what is not there is left out: no budget, no volumes, no distances', () => {
    const bare: Coverage = {
      groups: [{ name: 'rattle', made: 1, kept: 1, atoms: 1, volumes_A3_per_atom: [] }],
      distances: [],
      map: { x: [0], y: [0], group: [0], kept: [true], explained: [0, 0], total: 1 },
    };
    const small = renderCoverage(bare, OPTIONS);
    expect(small).toContain('1 structure, ready to be labelled');
    expect(small).not.toContain('id="volumes"');
    expect(small).not.toMatch(/NaN|undefined|Infinity/);
  });
});
