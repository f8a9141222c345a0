import { describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { parseTrainConfig } from './train-config.ts';

const refusal = (text: string): NearsightError => {
  try {
    parseTrainConfig(text, '/project/config.yaml');
  } catch (error) {
    if (error instanceof NearsightError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

test('everything that can be said', () => {
  const request = parseTrainConfig(
    `data: [a.extxyz, /data/b.extxyz]
validation: val.extxyz
out: ../model.safetensors
time: 10min
seed: 7
threads: 2
committee: 4
repulsion: false
rate: 0.01
model: { cutoff: 5.5, hidden: [16, 16] }
loss: { energy: 10, groups: { liquid: 0.5 } }
`,
    '/project/run/config.yaml',
  );
  expect(request).toMatchObject({
    data: ['/project/run/a.extxyz', '/data/b.extxyz'],
    validation: '/project/run/val.extxyz',
    out: '/project/model.safetensors',
    seconds: 600,
    threads: 2,
    repulsion: false,
  });
  expect(request.settings).toEqual({
    seed: 7,
    rate: 0.01,
    model: { cutoff: 5.5, hidden: [16, 16], heads: 4 },
    loss: { energy: 10, groups: { liquid: 0.5 } },
  });
});

test('a model to start from, old data, new elements and levels of theory', () => {
  const text = `data: [low.extxyz, high.extxyz]
from: base.safetensors
freeze: descriptor
replay: { data: old.extxyz, share: 0.3 }
referenceEnergies: keep
grow: { elements: [Ge, Sn], adapter: 2 }
levels: { target: high, files: { low.extxyz: GFN2 } }
`;
  expect(parseTrainConfig(text, '/project/config.yaml')).toMatchObject({
    from: '/project/base.safetensors',
    freeze: ['descriptor'],
    replay: { data: ['/project/old.extxyz'], share: 0.3 },
    referenceEnergies: 'keep',
    grow: { elements: ['Ge', 'Sn'], adapter: 2 },
    levels: { target: 'high', files: { '/project/low.extxyz': 'GFN2' } },
    settings: { model: {} },
  });
});

test('a validation that is a number is a share', () => {
  expect(parseTrainConfig('data: a.extxyz\nvalidation: 0.2', 'c.yaml').holdOut).toBe(0.2);
});

describe('mistakes are told with line and field', () => {
  test.each([
    ['data: a.extxyz\nepochz: 3\n', 2, 'epochz', 'did you mean "epochs"?'],
    ['data: a.extxyz\nmodel:\n  radial: 8\n  chanels: 4\n', 4, 'model.chanels', 'did you mean "channels"?'],
    ['data: a.extxyz\nsomething: 3\n', 2, 'something', 'known are data, validation'],
    ['data: a.extxyz\nepochs: many\n', 2, 'epochs', ''],
    ['data: a.extxyz\ntime: 5\n', 2, 'time', ''],
    ['data: a.extxyz\ntime: 5 parsec\n', 2, 'time', ''],
    ['data: a.extxyz\n\nmodel:\n  radial: 7\n', 4, 'model.radial', ''],
    ['data: a.extxyz\nmodel: { hidden: [32] }\n', 2, 'model.hidden', ''],
    ['data: a.extxyz\nreplay: { data: b, shar: 0.5 }\n', 2, 'replay.shar', 'did you mean "share"?'],
    ['data: a.extxyz\nreplay:\n  data: b\n  share: 1\n', 4, 'replay.share', ''],
    ['data: a.extxyz\ngrow:\n  elements: [Xx]\n', 3, 'grow.elements', ''],
    ['data: a.extxyz\nlevels: { files: { a: b } }\n', 2, 'levels.target', ''],
  ])('%j', (text, line, field, hint) => {
    const { code, place, hint: given } = refusal(text);
    expect(code).toBe('bad-config');
    expect(place).toEqual({ path: '/project/config.yaml', line, field });
    expect(given).toContain(hint);
  });

  test('no YAML at all', () => {
    const { place, message } = refusal('data: [a.extxyz\nepochs: 3\n');
    expect(message).toContain('not YAML');
    expect(place.line).toBeGreaterThan(0);
    expect(refusal('data: a\ndata: b\n').place.line).toBe(2);
  });
});
