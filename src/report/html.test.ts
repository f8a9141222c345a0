import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { GPA } from '../units.ts';
import { verdictSentence } from './display.ts';
import { renderReport } from './html.ts';
import { paritySet } from './parity-set.ts';
import { parseReportData } from './parse.ts';
import type { ReportData } from './report-data.ts';
import { exampleReportData } from './testing.ts';

const example = exampleReportData();
const page = renderReport(example);
const document = parseHTML(page).document;
const bare: ReportData = { schema: 1, name: 'bare', elements: ['Si'], date: '2026-02-14' };

/** Everything a reader sees, without the style sheet. */
function visibleText(html: string): string {
  const parsed = parseHTML(html).document;
  for (const style of parsed.querySelectorAll('style')) style.remove();
  return parsed.documentElement.textContent ?? '';
}

/** The same record with every member of one type changed. */
function change(value: unknown, map: (leaf: unknown, key: string) => unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((member) => change(member, map, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, change(member, map, name)]));
  }
  return map(value, key);
}

describe('the page as a whole', () => {
  test('has all sections, in order, and links to each', () => {
    const titles = [...document.querySelectorAll('h2')].map((heading) => heading.textContent);
    expect(titles).toEqual([
      '1Grade',
      '2What it is for',
      '3Errors against the reference',
      '4Uncertainty',
      '5Domain',
      '6Checks',
      '7Locality',
      '8Dynamics',
      '9Properties',
      '10Elements',
      '11Data',
      '12Learning curve',
      '13Provenance',
      '14Draft of a methods section',
    ]);
    for (const link of document.querySelectorAll('a')) {
      const href = link.getAttribute('href') ?? '';
      expect(href).toMatch(/^#/);
      expect(document.getElementById(href.slice(1))?.localName).toBe('h2');
    }
  });

  test('needs nothing from elsewhere and runs nothing', () => {
    expect(document.querySelectorAll('script, link, img, iframe, object, embed, image, use')).toHaveLength(0);
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^src|xlink/);
        expect(value).not.toMatch(/https?:|\/\/|url\(|javascript:/i);
      }
    }
    const styles = [...document.querySelectorAll('style')].map((style) => style.textContent).join('\n');
    expect(styles).not.toMatch(/https?:|\/\/|url\(|@import/i);
    expect(document.querySelectorAll('style')).toHaveLength(1);
  });

  test('has unique ids, headings without gaps, captioned figures and scoped table heads', () => {
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    expect(new Set(ids).size).toBe(ids.length);
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.localName[1]));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    levels.forEach((level, i) => {
      expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
    });
    for (const figure of document.querySelectorAll('figure')) {
      expect(figure.querySelector('figcaption')?.textContent).toMatch(/^Figure \d+\. /);
    }
    for (const head of document.querySelectorAll('th')) expect(head.getAttribute('scope')).toMatch(/^(col|row)$/);
    for (const svg of document.querySelectorAll('svg')) {
      expect(svg.getAttribute('role')).toBe('img');
      expect(svg.getAttribute('aria-label')).toMatch(/\w{4}/);
    }
    expect(document.querySelectorAll('svg')).toHaveLength(20);
  });

  test('is the same every time, leaves its input alone and stays small', () => {
    const before = JSON.stringify(example);
    expect(renderReport(example)).toBe(page);
    expect(JSON.stringify(example)).toBe(before);
    expect(page.length).toBeLessThan(300_000);
  });

  test('survives a journey through JSON', () => {
    expect(renderReport(parseReportData(JSON.stringify(example)))).toBe(page);
  });

  test('takes all its colours from the page, so that dark mode and paper work', () => {
    for (const element of document.querySelectorAll('svg, svg *')) {
      for (const name of ['fill', 'stroke', 'color']) {
        expect(element.getAttribute(name) ?? 'none').toMatch(/^(none|currentColor|var\(--[a-z]+\))$/);
      }
    }
  });
});

describe('what it says', () => {
  test('the verdict counts the checks and gives the force error on held-out frames without relatives', () => {
    expect(document.querySelector('.verdict')?.textContent).toBe(
      '6 of 7 checks pass (close-contact fails, 1 skipped); force error 58.1 meV/Å (MAE) on held-out frames without relatives in training.',
    );
    expect(document.querySelector('.verdict')?.className).toContain('fail');
    const good = { ...example, checks: example.checks!.filter((check) => check.verdict === 'pass') };
    expect(visibleText(renderReport(good))).toContain('6 of 6 checks pass; force error 58.1 meV/Å (MAE)');
  });

  test('where no error is free of relatives, the verdict says how many frames have them', () => {
    const { leakFree: _, ...errors } = example.errors!;
    const verdict = (related: { frames: number; of: number }) =>
      verdictSentence({ ...example, errors: { ...errors, related } });
    expect(verdict({ frames: 15, of: 15 })).toContain(
      '54.3 meV/Å (MAE) on held-out frames, of which all have relatives in training.',
    );
    expect(verdict({ frames: 4, of: 15 })).toContain('of which 4 of 15 have relatives');
    expect(verdict({ frames: 0, of: 15 })).toMatch(/54\.3 meV\/Å \(MAE\) on held-out frames\.$/);
  });

  test('key figures have units and say MAE and RMSE', () => {
    const tiles = [...document.querySelectorAll('.tile')].map((tile) => tile.textContent);
    expect(tiles).toHaveLength(5);
    expect(tiles[0]).toBe(
      'Energy error1.90meV/atomMAE on held-out frames without relatives in trainingRMSE 2.70 meV/atom',
    );
    expect(tiles[2]).toMatch(/^Stress error0\.131GPa/);
    expect(tiles[3]).toMatch(/^90 % intervals hold8\d\.\d%of force components on the given frames/);
    expect(tiles[4]).toMatch(/^Time per atom4\.62µs8,000 atoms, 1 thread.*240,000 times faster than DFT/);
  });

  test('errors that are not of held-out frames are not passed off as such', () => {
    const { train } = example.errors!;
    const text = visibleText(renderReport({ ...bare, errors: { train: train! } }));
    expect(text).toContain('Force error 31.2 meV/Å (MAE) on the training frames themselves');
    expect(text).not.toContain('held-out');
  });

  test('stress is converted from eV/Å³ to GPa', () => {
    const statistics = { mae: 2 * GPA, rmse: 3 * GPA, count: 6 };
    const text = visibleText(renderReport({ ...bare, errors: { test: { name: 'test', stress: statistics } } }));
    expect(text).toContain('2.00GPa');
    expect(text).toContain('RMSE 3.00 GPa');
  });

  test('a verdict is a word, not only a colour', () => {
    const cells = [...document.querySelectorAll('#checks ~ .scroll tbody tr')].map(
      (tr) => tr.querySelector('td')?.textContent,
    );
    expect(cells).toEqual([...Array(6).fill('✓ pass'), '✗ fail', '– skipped']);
  });

  test('properties show the difference from the reference, and as many digits as the uncertainty allows', () => {
    const [first, second] = [...document.querySelectorAll('#properties ~ .scroll tbody tr')].map((tr) =>
      [...tr.children].map((cell) => cell.textContent),
    );
    expect(first).toEqual(['Lattice constant a0', 'Å', '5.47410 ± 0.00080', '5.476', '0.0 %', '5.431']);
    expect(second).toEqual(['Bulk modulus B0', 'GPa', '88.60 ± 0.90', '87.1', '+1.7 %', '98']);
  });

  test('negative numbers have a minus sign and powers of ten are written out', () => {
    expect(visibleText(page)).toContain('−3.8 %');
    expect(page).toContain('2.20\u00a0×\u00a010<sup>−12</sup>');
  });
});

describe('what is absent', () => {
  test('a report of nothing but a name has a header and no section', () => {
    const empty = parseHTML(renderReport(bare)).document;
    expect(empty.querySelectorAll('section, table, figure, .tile')).toHaveLength(0);
    expect(empty.querySelector('.verdict')?.textContent).toBe('No check was run and no error was measured.');
  });

  const parts = [
    'speed',
    'data',
    'learning',
    'errors',
    'parity',
    'checks',
    'properties',
    'dynamics',
    'species',
    'card',
    'scope',
    'uncertainty',
    'domain',
    'locality',
    'method',
  ] as const;
  test.each(parts)('%s can be missing, or be all there is', (part) => {
    const { [part]: _, ...without } = example;
    const alone = { ...bare, [part]: example[part] };
    for (const html of [renderReport(without), renderReport(alone)]) {
      expect(visibleText(html).match(/NaN|undefined|null|Infinity|\[object/g)).toBeNull();
    }
    const numbers = [...parseHTML(renderReport(without)).document.querySelectorAll('h2 .number')];
    expect(numbers.map((n) => n.textContent)).toEqual(numbers.map((_n, i) => String(i + 1)));
  });

  test('a number that is missing or not finite is never printed and never drawn', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const spoilt = change(example, (leaf, key) =>
        typeof leaf === 'number' && key !== 'schema' ? bad : leaf,
      ) as ReportData;
      expect(renderReport(spoilt).match(/NaN|Infinity|undefined/g)).toBeNull();
      expect(renderReport(parseReportData(JSON.stringify(spoilt))).match(/NaN|Infinity|undefined|null/g)).toBeNull();
    }
    const random = createRandom(3);
    let numbers = 0;
    const some = change(example, (leaf, key) => {
      if (typeof leaf !== 'number' || key === 'schema') return leaf;
      numbers++;
      return random.uniform() < 0.3 ? Number.NaN : leaf;
    }) as ReportData;
    expect(numbers).toBeGreaterThan(5000);
    expect(renderReport(some).match(/NaN|undefined/g)).toBeNull();
  });
});

describe('hostile input', () => {
  test('every string of the record stays text', () => {
    const attack = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;</style></svg>`;
    const hostile = change(example, (leaf, key) =>
      typeof leaf === 'string' && key !== 'verdict' ? attack : leaf,
    ) as ReportData;
    const html = renderReport({ ...hostile, verdict: attack, card: { ...hostile.card, training: { [attack]: 1 } } });
    const parsed = parseHTML(html).document;
    expect(parsed.querySelectorAll('script, img')).toHaveLength(0);
    expect(html.match(/<(script|img)/gi)).toBeNull();
    expect(
      [...parsed.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => /^on/.test(a.name)),
    ).toEqual([]);
    expect(parsed.querySelector('h1')?.textContent).toBe(attack);
    expect(parsed.querySelectorAll('svg')).toHaveLength(20);
    const groups = [...parsed.querySelectorAll('#data ~ .scroll tbody th')].map((cell) => cell.textContent);
    expect(groups).toContain(attack);
  });

  test('another schema is refused', () => {
    const future = JSON.stringify({ ...bare, schema: 2 });
    expect(() => parseReportData(future, 'r.json')).toThrow(expect.objectContaining({ code: 'report-schema' }));
    expect(() => renderReport(JSON.parse(future) as ReportData)).toThrow(/schema 2/);
    expect(() => parseReportData('{"schema": 1')).toThrow(expect.objectContaining({ code: 'report-json' }));
    expect(() => parseReportData('{"schema": 1}')).toThrow(expect.objectContaining({ code: 'report-schema' }));
    expect(() => parseReportData('null')).toThrow(expect.objectContaining({ code: 'report-schema' }));
  });
});

test('a hundred thousand pairs in each parity plot still give a small file', () => {
  const random = createRandom(5);
  const reference = Float64Array.from({ length: 100_000 }, () => random.normal());
  const predicted = reference.map((value) => value + 0.5 * random.normal());
  const whole = [...reference];
  const unthinned = { reference: whole, predicted: [...predicted], total: whole.length, quantiles: [] };
  const thinned = paritySet(reference, predicted);
  const panel = { train: unthinned, test: thinned };
  const html = renderReport({ ...bare, parity: { energy: panel, forces: panel, stress: panel } });
  expect(html.length).toBeLessThan(600_000);
  expect(visibleText(html)).toContain('Points that would hide each other are drawn once');
});

test('errors without relatives stand below the others, with a word on what relatives are', () => {
  const held = example.errors!.test!;
  const strict = { ...held, name: 'held-out, no relatives', frames: 7 };
  const text = visibleText(renderReport({ ...example, errors: { ...example.errors, leakFree: strict } }));
  expect(text).toContain('held-out, no relatives');
  expect(text).toContain('Relatives are frames of the same run');
  expect(visibleText(renderReport({ ...bare, errors: { test: held } }))).not.toContain('Relatives');
});

describe('what was learned of the elements', () => {
  const species = example.species!;
  const shown = (more: object): string => visibleText(renderReport({ ...bare, species: { ...species, ...more } }));

  test('every element stands on the map in the colour of its family', () => {
    const labels = [...document.querySelectorAll('#species ~ figure svg text')];
    for (const [i, symbol] of species.symbols.entries()) {
      const label = labels.find((text) => text.textContent === symbol)!;
      expect(label.getAttribute('fill')).toBe(`var(--${species.families[i]})`);
    }
    const x = (symbol: string): number =>
      Number(
        /translate\(([\d.]+)/.exec(labels.find((text) => text.textContent === symbol)!.getAttribute('transform')!)![1],
      );
    expect(x('Na')).toBeLessThan(x('Mg'));
    expect(x('Mg')).toBeLessThan(x('O'));
  });

  test('groups count as found only where chance would not do it', () => {
    expect(shown({})).toContain('The groups of the periodic table show, though the training was told nothing of it.');
    expect(shown({ startedFromTable: true })).toContain('began with vectors that follow it');
    expect(shown({})).toContain('stands at place 1.0 in the mean over 2 pairs');
    const luck = { groups: { ...species.groups, probability: 0.3 } };
    expect(shown(luck)).toContain('The groups of the periodic table do not show.');
    expect(shown({ groups: undefined })).not.toContain('periodic table');
  });

  test('neighbours are listed for a few elements', () => {
    expect(shown({})).toContain('most alike, the nearest first');
    const many = { symbols: Array(30).fill('Si'), families: Array(30).fill('pblock'), x: Array(30).fill(0) };
    expect(shown({ ...many, y: Array(30).fill(0) })).not.toContain('most alike, the nearest first');
  });
});

test('checks of one group stand under its name, and their curves are drawn once, without their walls', () => {
  const y = Array.from({ length: 60 }, (_, k) => 4 * ((2.3 / (1 + 0.07 * k)) ** 12 - (2.3 / (1 + 0.07 * k)) ** 6));
  const curve = {
    name: 'Si–Si',
    xLabel: 'distance, Å',
    yLabel: 'energy above the separate atoms, eV',
    x: y.map((_, k) => 1 + 0.07 * k),
    y,
  };
  const row = { question: '?', unit: 'eV', value: 0, limit: 1, verdict: 'pass' as const };
  const checks = [
    { ...row, id: 'wall', group: 'curves', curves: [curve] },
    { ...row, id: 'rotation', group: 'symmetry' },
    { ...row, id: 'minima', group: 'curves', curves: [curve] },
  ];
  const drawn = parseHTML(renderReport({ ...bare, checks })).document;
  const rows = [...drawn.querySelectorAll('#checks ~ .scroll tbody tr')].map(
    (tr) => tr.querySelector('th')?.textContent,
  );
  expect(rows).toEqual(['Two and three atoms alone', '?wall', '?minima', 'Symmetries', '?rotation']);
  const plots = drawn.querySelectorAll('#checks ~ figure svg');
  expect(plots).toHaveLength(1);
  const labels = [...plots[0].querySelectorAll('text')].map((text) => text.textContent);
  expect(labels).toEqual(expect.arrayContaining(['Energy (eV)', 'Distance (Å)', 'Si–Si']));
  // The wall is 90,000 eV high, the well 1 eV deep.
  expect(Math.max(...labels.map(Number).filter(Number.isFinite))).toBeLessThan(10);
});

test('locality: the law that fits better, the cutoff, and a curve of the check that is not drawn twice', () => {
  const curve = { name: 'linear models', xLabel: 'radius, Å', yLabel: 'error, meV/Å', x: [3, 4, 5], y: [3, 2, 1] };
  const check = { id: 'locality', question: '?', unit: 'Å', value: 0, limit: 0.5, verdict: 'pass' as const };
  const checks = [{ ...check, curves: [curve] }];
  const { locality } = example;
  const page = parseHTML(renderReport({ ...bare, checks, locality: locality! })).document;
  const caption = page.querySelector('#locality ~ figure figcaption')!;
  expect(caption.textContent).toContain('insulator (NaCl), R−p with p = 1.51 ± 0.09');
  expect(caption.textContent).toContain('metal (Na), e−R/λ with λ = 0.67 ± 0.04 Å');
  expect(page.querySelectorAll('svg')).toHaveLength(2);
  expect(parseHTML(renderReport({ ...bare, checks })).document.querySelectorAll('svg')).toHaveLength(1);
});
