import { describe, expect, it } from 'vitest';
import { inspectDataset, portraitOf } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createRandom } from '../../random.ts';
import { crystal, rattled } from '../../structure/index.ts';
import { renderDataReport } from './page.ts';

const OPTIONS = { name: 'a <b> & c', date: '2026-01-01', generator: 'nearsight' };

function dataset(): Dataset {
  const random = createRandom(1);
  const frames = Array.from({ length: 12 }, (_, index) => ({
    structure: rattled(crystal('rocksalt', ['Na', 'Cl'], 5.6 + 0.02 * index), index === 7 ? 0.6 : 0.05, random),
    labels: { energy: -27 + random.normal(), forces: new Float64Array(24).map(() => random.normal()) },
    group: index < 6 ? 'one<script>' : 'two',
    ...{ info: {}, arrays: {}, line: 1, index },
  }));
  return { frames, source: 'made.xyz', sha256: '' };
}

describe('renderDataReport', () => {
  const data = dataset();
  const portrait = portraitOf(data, inspectDataset(data), {
    kernel: createReferenceKernel(),
    influence: {
      atoms: data.frames.map(() => new Float64Array(8).fill(1)),
      outliers: [{ frame: 7, atom: 3, reason: 'forces do not fit' }],
    },
  });
  const page = renderDataReport(portrait, OPTIONS);

  it('has every part, and every part only what belongs there', () => {
    for (const id of ['findings', 'content', 'energies', 'forces', 'distances', 'map', 'flagged']) {
      expect(page).toContain(`<h2 id="${id}">`);
    }
    expect(page).toContain('Na–Cl');
    expect(page).toContain('forces do not fit');
  });

  it('holds no script, escapes what the user wrote, and names each plot once', () => {
    expect(page).not.toMatch(/<script/i);
    expect(page).toContain('one&lt;script&gt;');
    expect(page).toContain('a &lt;b&gt; &amp; c');
    const ids = [...page.matchAll(/ id="(plot-\d+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(6);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('rings the atom that is meant', () => {
    expect(page.match(/stroke="var\(--fail\)"/g)?.length).toBeGreaterThanOrEqual(1);
  });

  it('gives the same bytes for the same data', () => {
    expect(renderDataReport(portrait, OPTIONS)).toBe(page);
  });
});
