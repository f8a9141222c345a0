import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NearsightError } from '../../errors.ts';
import { needsPotential } from './plan.ts';
import { parsePlan } from './read-plan.ts';

const PLAN = `
seed: 7
budget: 40
potential: si.safetensors
parts:
  - kind: as-is
  - kind: hydrostatic
    strain: [-0.06, 0.06]
    count: 7
    each:
      - kind: as-is
      - kind: rattle
        width: 0.03
        count: 2
  - kind: shear
    strain: [0, 0.08]
    count: 5
    axes: yz
  - kind: dynamics
    supercell: 2
    temperature: [300, 900]
    frames: 5
    every: 0.1ps
  - kind: surface
    miller: [1, 1, 1]
    layers: 6
    each: { kind: rattle, temperature: 300, debye: 640 }
  - kind: alloy
    composition: { Si: 0.5, Ge: 0.5 }
    count: 3
`;

test('a plan as data: defaults filled in, one written for a list of one', () => {
  const plan = parsePlan(PLAN, 'plan.yaml');
  expect(plan).toMatchObject({ seed: 7, budget: 40, potential: 'si.safetensors', closest: 0.6 });
  expect(plan.parts.map(({ kind }) => kind)).toEqual(['as-is', 'hydrostatic', 'shear', 'dynamics', 'surface', 'alloy']);
  const [, hydrostatic, shear, dynamics, surface, alloy] = plan.parts;
  expect(hydrostatic.each.map(({ kind }) => kind)).toEqual(['as-is', 'rattle']);
  expect(hydrostatic.each[1].settings).toEqual({ width: 0.03, count: 2 });
  expect(shear.settings).toEqual({ strain: [0, 0.08], count: 5, axes: ['yz'] });
  expect(dynamics.supercell).toEqual([2, 2, 2]);
  expect(dynamics.settings).toEqual({
    ...{ temperature: [300, 900], frames: 5, every: 100, equilibrate: 1000, walkers: 1 },
    ...{ timestep: null, friction: 0.01 },
  });
  expect(surface.settings).toMatchObject({ miller: [[1, 1, 1]], largest: null, vacuum: 15, terminations: 'first' });
  expect(surface.each[0].settings).toEqual({ width: { temperature: [300], debye: 640 }, count: 1 });
  expect(alloy.settings).toEqual({ composition: [{ Si: 0.5, Ge: 0.5 }], of: null, count: 3 });
});

test('whether a potential is needed is seen in the depth, too', () => {
  expect(needsPotential(parsePlan('parts: [{ kind: as-is }]', 'p'))).toBe(false);
  const deep =
    'parts: [{ kind: as-is, each: { kind: vacancy, each: [{ kind: harmonic, temperature: 300, count: 1 }] } }]';
  expect(needsPotential(parsePlan(deep, 'p'))).toBe(true);
});

test('the example and what the manual shows are plans', () => {
  const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
  const manual = [...read('docs/sampling-plans.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
  expect(manual.length).toBeGreaterThan(0);
  for (const text of [...manual, read('examples/sampling-plan.yaml')]) {
    expect(parsePlan(text, 'p').parts.length).toBeGreaterThan(1);
  }
});

describe('mistakes are told with file, line, field and what to do', () => {
  const refused = (text: string): NearsightError => {
    try {
      parsePlan(text, 'plan.yaml');
    } catch (error) {
      if (error instanceof NearsightError) return error;
      throw error;
    }
    throw new Error('the plan was accepted');
  };

  const strains = 'parts:\n  - kind: hydrostatic\n    strain: [-0.1, 0.1]\n';
  test.each([
    ['unknown kind', 'parts:\n  - kind: sheer\n', 2, 'parts[0].kind', 'no part is of the kind "sheer"', '"shear"'],
    ['no kind', 'parts:\n  - count: 3\n', 2, 'parts[0]', 'this part has no kind', 'known are as-is'],
    ['misspelt setting', `${strains}    cuont: 5\n`, 4, 'parts[0].cuont', '"cuont" is not a setting here', '"count"'],
    ['missing setting', strains, 2, 'parts[0].count', '"count" is missing', 'sampling-plans.md'],
    ['wrong type', `${strains}    count: five\n`, 4, 'parts[0].count', 'number', 'sampling-plans.md'],
    ['too few points', `${strains}    count: 1\n`, 4, 'parts[0].count', '>=2', ''],
    [
      ...(['torn apart', 'parts:\n  - kind: hydrostatic\n    strain: [-0.9, 0.1]\n    count: 3\n', 3] as const),
      ...(['parts[0].strain[0]', '>=-0.5', ''] as const),
    ],
    [
      'deep',
      `${strains}    count: 3\n    each:\n      - kind: rattle\n        width: -1\n`,
      7,
      'parts[0].each[0].width',
      '>0',
      '',
    ],
    ['no width', 'parts:\n  - kind: rattle\n    count: 3\n', 2, 'parts[0]', 'either a width', ''],
    [
      'no unit',
      'parts:\n  - kind: dynamics\n    temperature: 300\n    frames: 2\n    every: 100\n',
      5,
      'parts[0].every',
      'unit',
      '',
    ],
    [
      'bad unit',
      'parts:\n  - kind: dynamics\n    temperature: 300\n    frames: 2\n    every: 1s\n',
      5,
      'parts[0].every',
      'no time',
      '',
    ],
    ['no element', 'parts:\n  - kind: vacancy\n    of: [Si, Xx]\n', 3, 'parts[0].of[1]', '"Xx" is no element', ''],
    [
      'shares',
      'parts:\n  - kind: alloy\n    count: 1\n    composition: {Si: 0.5, Ge: 0.4}\n',
      4,
      'parts[0].composition',
      'sum to 1',
      '',
    ],
    [
      'plane',
      'parts:\n  - kind: surface\n    layers: 4\n    miller: [0, 0, 0]\n',
      4,
      'parts[0].miller',
      'cannot all be 0',
      '',
    ],
    ['no plane', 'parts:\n  - kind: surface\n    layers: 4\n', 2, 'parts[0]', 'either miller', ''],
    ['no parts', 'seed: 3\n', undefined, 'parts', '"parts" is missing', ''],
    ['top level', 'parts: [{kind: as-is}]\nbudgt: 3\n', 2, 'budgt', '"budgt" is not a setting here', '"budget"'],
    ['supercell', 'parts:\n  - kind: as-is\n    supercell: 0\n', 3, 'parts[0].supercell', '', ''],
    ['group', 'parts:\n  - kind: as-is\n    group: a b\n', 3, 'parts[0].group', 'a word', ''],
  ])('%s', (_, text, line, field, message, hint) => {
    const error = refused(text);
    expect(error.code).toBe('bad-plan');
    expect(error.place).toEqual({ path: 'plan.yaml', ...(line !== undefined && { line }), field });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  test('what is not YAML, or an empty file', () => {
    expect(refused('parts: [').code).toBe('bad-config');
    expect(refused('').message).toBe('"parts" is missing');
    expect(refused('- 1').code).toBe('bad-plan');
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((n, k) => `${n}: &${n} [${Array(9).fill(`*${'abcdefg'[k]}`)}]`).join('\n')}`;
    expect(['bad-config', 'bad-plan']).toContain(refused(bomb).code);
  });
});
