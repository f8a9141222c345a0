import { describe, expect, test } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import { NearsightError } from '../errors.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createRandom, type Random } from '../random.ts';
import { createStructure } from '../structure/structure.ts';
import { evaluateFrames } from './errors.ts';
import { potentialOf } from './load.ts';
import { datasetOrigin, decodeModel, encodeModel, type ModelFile } from './model-file.ts';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.ts';
import { fileOf, randomModel } from './testing-model.ts';

const small = fileOf(randomModel([8, 14], createRandom(1), { sizes: { hidden: [4, 4] } }));
const bytes = encodeModel(small);

/** The same file with other metadata or tensors. */
function edited(change: (metadata: Record<string, string>, tensors: Record<string, Tensor>) => void): Uint8Array {
  const content = readSafetensors(bytes, 'model');
  const metadata = { ...content.metadata };
  const tensors = { ...content.tensors };
  change(metadata, tensors);
  return writeSafetensors({ tensors, metadata });
}

describe('round trip', () => {
  test.each<[string, ModelFile]>([
    ['small', small],
    [
      'committee, lmax 3',
      fileOf(randomModel([1, 6, 7, 8], createRandom(2), { sizes: { heads: 4, lmax: 3 }, embedding: 8 })),
    ],
    ['no parts', { ...small, parts: { repulsion: null } }],
    [
      'with everything',
      { ...small, calibration: { factor: 2.4 }, validation: { checks: [{ id: 'a', value: 0.1 + 0.2 }] } },
    ],
    [
      'grown, tuned, of several levels',
      {
        ...small,
        provenance: {
          ...small.provenance,
          grown: { from: 'ab'.repeat(32), elements: ['O'], adapter: 1, frozen: true, oldChemistry: 'bit-identical' },
          tuned: {
            from: 'cd'.repeat(32),
            frozen: ['w1'],
            referenceEnergies: 'kept',
            replay: { frames: 3, share: 0.5 },
          },
          levels: { target: 'CCSD(T)', others: ['GFN2'] },
        },
      },
    ],
  ])('%s: the same record, the same bytes', (_, file) => {
    const written = encodeModel(file);
    const back = decodeModel(written, 'm.safetensors');
    expect(back).toEqual(file);
    expect(encodeModel(back)).toEqual(written);
  });

  test('numbers come back bit for bit, −0 and the smallest ones too', () => {
    const model = { ...small.model, parameters: small.model.parameters.slice() };
    model.parameters.set([-0, 5e-324, 0.1 + 0.2, -Number.MAX_VALUE]);
    const back = decodeModel(encodeModel({ ...small, model }), 'm').model;
    expect(new Uint8Array(back.parameters.buffer)).toEqual(new Uint8Array(model.parameters.buffer));
  });

  test('the order in which settings were written down does not matter', () => {
    const { batch, loss, rate } = small.settings;
    expect(encodeModel({ ...small, settings: { rate, loss, batch } })).toEqual(bytes);
  });

  test('errors as evaluateFrames reports them have their place in the provenance', async () => {
    const structure = createStructure(['Si', 'O'], [0, 0, 0, 1.7, 0, 0]);
    const frame = { structure, labels: { energy: 1 }, group: '', info: {}, arrays: {}, line: 1, index: 0 };
    const potential = potentialOf(small, createReferenceKernel());
    const work = evaluateFrames(potential, [frame]);
    let next = await work.next();
    while (!next.done) next = await work.next();
    const train = next.value.overall;
    const file = { ...small, provenance: { ...small.provenance, errors: { train, validation: null, test: train } } };
    expect(decodeModel(encodeModel(file), 'm')).toEqual(file);
  });
});

test('what a stranger can see: names, shapes and conventions without nearsight', () => {
  const { tensors, metadata } = readSafetensors(bytes, 'm');
  expect(metadata.format).toBe('nearsight-model');
  expect(metadata.version).toBe('1');
  expect(JSON.parse(metadata.model)).toMatchObject({ elements: ['O', 'Si'], cutoff: 4, hidden: [4, 4] });
  expect(JSON.parse(metadata.conventions).stress).toContain('positive in tension');
  expect(tensors['parameters.embedding'].shape).toEqual([2, 2]);
  expect(tensors.reference_energies.data).toEqual(Float64Array.of(-800, -1400));
  expect(Object.values(tensors).every(({ dtype }) => dtype === 'F64')).toBe(true);
});

test('a dataset is named without its folders', () => {
  const dataset = (source: string): Dataset => ({ frames: [], source, sha256: '' });
  expect(datasetOrigin(dataset('/home/me/data/a b.xyz'))).toEqual({ source: 'a b.xyz', sha256: '', frames: 0 });
  expect(datasetOrigin(dataset('C:\\data\\a.xyz')).source).toBe('a.xyz');
});

describe('refused when written', () => {
  test.each<[string, Partial<ModelFile>, string]>([
    [
      'NaN in the parameters',
      { model: { ...small.model, parameters: small.model.parameters.map((x, i) => (i === 5 ? Number.NaN : x)) } },
      'NaN',
    ],
    [
      'a folder in the name of a file',
      { provenance: { ...small.provenance, dataset: [{ source: 'a/b', sha256: '', frames: 1 }] } },
      'without folders',
    ],
    ['elements out of order', { model: { ...small.model, elements: [14, 8] } }, 'ascending order'],
    [
      'a scale of zero',
      { model: { ...small.model, statistics: { ...small.model.statistics, scale: 0 } } },
      'not positive',
    ],
    [
      'radii that make no switch',
      { parts: { repulsion: { kind: 'zbl', scale: 'angstrom', inner: 2, outer: 1 } } },
      'inner radius',
    ],
  ])('%s', (_, change, what) => {
    expect(() => encodeModel({ ...small, ...change })).toThrow(what);
    expect(() => encodeModel({ ...small, ...change })).toThrow(NearsightError);
  });
});

describe('refused when read', () => {
  const refused = (file: Uint8Array, code: string, what: string): void => {
    expect(() => decodeModel(file, 'm.safetensors')).toThrow(what);
    expect(() => decodeModel(file, 'm.safetensors')).toThrow(
      expect.objectContaining({
        code,
        hint: expect.any(String),
        place: expect.objectContaining({ path: 'm.safetensors' }),
      }),
    );
  };
  const set = (section: string, change: (value: Record<string, unknown>) => void): Uint8Array =>
    edited((metadata) => {
      const value = JSON.parse(metadata[section]) as Record<string, unknown>;
      change(value);
      metadata[section] = JSON.stringify(value);
    });

  test('another kind of file', () => {
    refused(new TextEncoder().encode('64\nLattice="10 0 0 0 10 0 0 0 10"\n'), 'bad-safetensors', 'a header of');
    refused(writeSafetensors({ tensors: {}, metadata: {} }), 'not-a-model', 'not a nearsight model');
    refused(writeSafetensors({ tensors: {}, metadata: { format: 'pt' } }), 'not-a-model', '"pt"');
  });

  test('what a later version may add is refused by name, with the remedy', () => {
    refused(
      edited((m) => (m.version = '2')),
      'model-version',
      'version "2"',
    );
    refused(
      edited((m) => (m.charges = '{}')),
      'model-version',
      '"charges"',
    );
    refused(
      set('parts', (v) => (v.electrostatics = { kind: 'ewald' })),
      'model-version',
      '"electrostatics"',
    );
    refused(
      set('model', (v) => (v.layers = 2)),
      'model-version',
      '"layers"',
    );
    refused(
      edited((_, t) => (t['parameters.noise'] = { dtype: 'F64', shape: [], data: Float64Array.of(1) })),
      'model-version',
      'not understood',
    );
    refused(
      set('parts', (v) => (v.repulsion = { kind: 'nlh', scale: 'covalent', inner: 0.3, outer: 0.7 })),
      'bad-model-file',
      'zbl',
    );
  });

  test('other units', () => {
    refused(
      set('conventions', (v) => (v.energy = 'Ha')),
      'bad-model-file',
      'eV, of the whole structure',
    );
  });

  test('configurations that are no model', () => {
    for (const [key, value, what] of [
      ['elements', ['Si', 'O'], 'Si, O are not in ascending order'],
      ['elements', ['O', 'O'], 'O, O are not in ascending order'],
      ['elements', ['O', 'Xx'], '"Xx" is not the symbol of an element'],
      ['elements', [], 'Too small'],
      ['cutoff', 0, 'the file says 0'],
      ['cutoff', '4', 'the file says "4"'],
      ['cutoff', 1e300, 'the file says 1e+300'],
      ['onset', 4, 'onset of 4 Å with a cutoff of 4 Å'],
      ['radial', 5, '5 radial functions'],
      ['radial', 4.5, 'the file says 4.5'],
      ['channels', -4, 'the file says -4'],
      ['hidden', [4], 'expected array'],
      ['lmax', 4, 'the file says 4'],
      ['heads', 2 ** 53, 'the file says 9007199254740992'],
      ['embedding', 0, 'the file says 0'],
    ] as const) {
      refused(
        set('model', (v) => {
          v[key] = value;
        }),
        'bad-model-file',
        what,
      );
    }
  });

  test('metadata that do not say what they must, or say it twice', () => {
    const model = (from: string, to: string): Uint8Array =>
      edited((m) => {
        m.model = m.model.replace(from, to);
      });
    refused(model('"cutoff":4', '"cutoff":1e999'), 'bad-model-file', 'expected number');
    refused(model('"cutoff":4', '"cutoff":4,"cutoff":5'), 'bad-model-file', 'the key "cutoff" twice');
    refused(model('"cutoff":4,', ''), 'bad-model-file', 'the file says nothing');
    const section = (name: string, text: string): Uint8Array =>
      edited((m) => {
        m[name] = text;
      });
    refused(section('provenance', 'null'), 'bad-model-file', 'the file says null');
    refused(section('settings', '[1]'), 'bad-model-file', 'the file says [1]');
    refused(section('settings', '{"rate":1e999}'), 'bad-model-file', 'Infinity');
    refused(
      edited((m) => {
        delete m.provenance;
      }),
      'bad-model-file',
      'the file says nothing',
    );
    refused(
      set('provenance', (v) => {
        v.seed = 1.5;
      }),
      'bad-model-file',
      'the file says 1.5',
    );
  });

  test('sizes that the tensors do not have take no memory', () => {
    refused(
      set('model', (v) => (v.heads = 1e9)),
      'bad-model-file',
      'belongs',
    );
    refused(
      set('model', (v) => (v.hidden = [4e9, 4e9])),
      'bad-model-file',
      'belongs',
    );
  });

  test('tensors that are missing, of another shape or type, or without sense', () => {
    refused(
      edited((_, t) => delete t['statistics.mean']),
      'bad-model-file',
      'missing',
    );
    const replace = (name: string, tensor: Tensor): Uint8Array => edited((_, t) => (t[name] = tensor));
    const { data } = readSafetensors(bytes, 'm').tensors['parameters.embedding'];
    refused(
      replace('parameters.embedding', { dtype: 'F64', shape: [4], data: data as Float64Array }),
      'bad-model-file',
      'F64 [2,2] belongs',
    );
    refused(
      replace('parameters.embedding', { dtype: 'F32', shape: [2, 2], data: new Float32Array(4) }),
      'bad-model-file',
      'F32 [2,2]',
    );
    refused(
      replace('reference_energies', { dtype: 'F64', shape: [2], data: Float64Array.of(1, Number.NaN) }),
      'bad-safetensors',
      'NaN',
    );
    refused(
      replace('statistics.scale', { dtype: 'F64', shape: [], data: Float64Array.of(-1) }),
      'bad-model-file',
      'not positive',
    );
  });
});

describe('3,000 damaged files', () => {
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const utf8 = new TextEncoder();

  /** A file whose header text was changed; its length is mended, so that the change itself is met. */
  const withHeader = (change: (text: string) => string): Uint8Array => {
    const text = utf8.encode(change(new TextDecoder().decode(bytes.subarray(8, header))));
    const file = new Uint8Array(8 + text.length + bytes.length - header);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    file.set(bytes.subarray(header), 8 + text.length);
    return file;
  };
  const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.below(choices.length)];
  const strange = ['-1', '0', '1e999', '1e15', '4294967296', '0.5', 'null', '"x"', '[]', '{}', 'true', '8'];

  const mutations: ((random: Random) => Uint8Array)[] = [
    // One bit anywhere; one bit in the header; some bytes anywhere.
    (r) => flipped(r, bytes.length, 1),
    (r) => flipped(r, header, 1),
    (r) => flipped(r, bytes.length, 1 + r.below(20)),
    // Cut off, or with a piece missing or twice.
    (r) => bytes.slice(0, r.below(bytes.length)),
    (r) => spliced(r, header),
    (r) => spliced(r, bytes.length),
    // Another number, another word, a key less or twice, in the header.
    (r) => withHeader((text) => replaceOne(r, text, /-?\d+(\.\d+)?/g, pick(r, strange))),
    (r) =>
      withHeader((text) => replaceOne(r, text, /\w+/g, pick(r, ['F32', 'U8', 'constructor', '__proto__', 'heads']))),
    (r) =>
      withHeader((text) =>
        replaceOne(r, text, /\\"\w+\\":[^,{}[\]]+,/g, pick(r, ['', '\\"heads\\":1,', '\\"cutoff\\":1e9,'])),
      ),
    (r) =>
      withHeader((text) => replaceOne(r, text, /[{}[\],:]/g, pick(r, ['', '{', '}', '[', ']', ',', '[[[[', '{"a":']))),
  ];

  function flipped(random: Random, end: number, count: number): Uint8Array {
    const file = bytes.slice();
    for (let k = 0; k < count; k++) file[random.below(end)] ^= 1 << random.below(8);
    return file;
  }

  function spliced(random: Random, end: number): Uint8Array {
    const from = random.below(end);
    const to = from + random.below(Math.min(100, end - from));
    const [head, piece, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
    return Uint8Array.from(random.below(2) === 0 ? [...head, ...tail] : [...head, ...piece, ...piece, ...tail]);
  }

  function replaceOne(random: Random, text: string, what: RegExp, by: string): string {
    const places = [...text.matchAll(what)];
    const { index, 0: found } = pick(random, places);
    return text.slice(0, index) + by + text.slice(index + found.length);
  }

  test('each is read as a whole model or refused with a reason', () => {
    const random = createRandom(20);
    const seen = new Map<string, number>();
    for (let n = 0; n < 3000; n++) {
      const file = mutations[n % mutations.length](random);
      const outcome = read(file);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    // The damage reaches every door.
    for (const code of ['read', 'bad-safetensors', 'bad-model-file', 'model-version', 'not-a-model']) {
      expect(seen.get(code), code).toBeGreaterThan(5);
    }
  });

  /** 'read' for a file that makes a model which can be written again and loaded, else the code of the refusal. */
  function read(file: Uint8Array): string {
    try {
      const model = decodeModel(file, 'damaged.safetensors');
      encodeModel(model);
      potentialOf(model, createReferenceKernel()).close();
      return 'read';
    } catch (error) {
      if (!(error instanceof NearsightError)) throw error;
      expect(error.message.length).toBeLessThan(1000);
      return error.code;
    }
  }
});
