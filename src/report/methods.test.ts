import { expect, test } from 'vitest';
import { methodsDraft } from './methods.ts';
import type { ReportData } from './report-data.ts';
import { exampleReportData } from './testing.ts';

const example = exampleReportData();
const draft = (more: Partial<ReportData> = {}): string => methodsDraft({ ...example, ...more })!;

test('the draft holds data, model, training, errors, uncertainties, checks and dynamics, with units', () => {
  const text = draft();
  for (const words of [
    'si8-pbe.extxyz (149 structures, SHA-256 9b2f6c0d1e7a4533…)',
    'They were computed with PBE, plane waves 30 Ry',
    'within 5 Å',
    'up to 4-body terms [1] (8 radial functions, angular momenta up to 3, 16 channels)',
    'with weights 4, 1 and 0.5 (eV, eV/Å)',
    '240 epochs (seed 7); the weights are those of epoch 233',
    'Errors on the 15 held-out structures: energy 1.83 meV/atom (MAE) and 2.58 meV/atom (RMSE); force components 54.3 meV/Å (MAE)',
    'without them the errors are energy 1.90 meV/atom',
    '90 % intervals hold 87.8 % of the force components',
    'It fails close-contact',
    'Lattice constant a0 5.474 Å (reference 5.476 Å)',
  ]) {
    expect(text).toContain(words);
  }
  expect(text).not.toMatch(/NaN|undefined|null|\[The level/);
});

test('every reference is cited and every citation has its reference, in order', () => {
  for (const descriptor of ['density', 'symmetry'] as const) {
    const text = draft({ method: { ...example.method!, descriptor, bootstrapped: true } });
    const [body, list] = [text.slice(0, text.lastIndexOf('\n\n')), text.slice(text.lastIndexOf('\n\n') + 2)];
    const cited = [...new Set([...body.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n)))];
    expect(cited).toEqual(cited.map((_, k) => k + 1));
    expect(list.split('\n').map((line) => Number(/^\[(\d+)\] /.exec(line)![1]))).toEqual(cited);
  }
});

test('how the heads of a committee came about', () => {
  const of = (more: object): string => draft({ method: { ...example.method!, ...more } });
  expect(of({})).toContain('4 heads on the shared description form a committee');
  expect(of({ bootstrapped: true })).toMatch(/each trained on its own bootstrap sample \[\d\] of the structures, form/);
  expect(of({ sharedLayers: true })).toMatch(
    /one head was trained, and the last layers .* by a Bayesian bootstrap \[\d\]/,
  );
  expect(of({ heads: 1 })).not.toContain('committee');
});

test('what is not known is said to be unknown, never invented', () => {
  const { levelOfTheory: _, ...data } = example.data!;
  const { errors: __, uncertainty: ___, ...rest } = example;
  const text = methodsDraft({ ...rest, data })!;
  expect(text).toContain('[The level of theory is not recorded');
  expect(text).toContain('[Errors on held-out structures are not known.]');
  expect(text).toContain('[No uncertainties are stated.]');
  const { related: ____, ...unsearched } = example.errors!;
  expect(draft({ errors: unsearched })).toContain('[Relatives of training structures among them were not looked for.]');
  const { method: _____, ...without } = example;
  expect(methodsDraft(without)).toBeUndefined();
});
