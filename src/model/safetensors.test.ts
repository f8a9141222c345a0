import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.ts';

/** A file from a header as text and bytes of data, as anybody could write it. */
function fileWith(header: string, data: Uint8Array | number = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const tail = typeof data === 'number' ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + text.length + tail.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(tail, 8 + text.length);
  return bytes;
}

const read = (bytes: Uint8Array, options = {}) => readSafetensors(bytes, 'x.safetensors', options);

describe('the format', () => {
  test('bytes as the specification has them: length, header, numbers', () => {
    // The test vector of the reference implementation: four 32-bit integers.
    const header = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
    const bytes = fileWith(header, 16);
    expect(bytes[0]).toBe('<'.charCodeAt(0)); // 60
    const { tensors, metadata } = read(bytes);
    expect(tensors.test).toEqual({ dtype: 'I32', shape: [2, 2], data: new Int32Array(4) });
    expect(Object.keys(metadata)).toEqual([]);
  });

  test('numbers are little-endian', () => {
    const header =
      '{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"b":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}';
    const { tensors } = read(
      fileWith(header, Uint8Array.of(0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 254, 255, 255, 255, 255, 255, 255, 255)),
    );
    expect(tensors.a.data[0]).toBe(1.5);
    expect(tensors.b.data[0]).toBe(-2n);
  });

  test('what is written: sorted names, header padded with spaces, every array at a multiple of its item size', () => {
    const bytes = writeSafetensors({
      tensors: {
        b: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        a: { dtype: 'I32', shape: [1, 1], data: Int32Array.of(-1) },
        c: { dtype: 'F64', shape: [1], data: Float64Array.of(0.5) },
      },
      metadata: { z: 'é', y: '"' },
    });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    expect(header.trimEnd()).toBe(
      '{"__metadata__":{"y":"\\"","z":"é"},"a":{"dtype":"I32","shape":[1,1],"data_offsets":[8,12]},' +
        '"b":{"dtype":"U8","shape":[3],"data_offsets":[12,15]},"c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}',
    );
    expect(Array.from(bytes.subarray(8 + length))).toEqual([0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 255, 255, 255, 255, 1, 2, 3]);
  });

  test('a view into a larger buffer is written and read like an array of its own', () => {
    const whole = Float64Array.of(1, 2, 3, 4);
    const bytes = writeSafetensors({
      tensors: { x: { dtype: 'F64', shape: [2], data: whole.subarray(1, 3) } },
      metadata: {},
    });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(read(shifted.subarray(3)).tensors.x.data).toEqual(Float64Array.of(2, 3));
    // Node's buffers have a `slice` that does not copy.
    const pooled = Buffer.from(bytes);
    const { tensors } = read(pooled);
    pooled.fill(0);
    expect(tensors.x.data).toEqual(Float64Array.of(2, 3));
    expect(tensors.x.data.buffer.byteLength).toBe(16);
  });
});

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.constantFrom('F64', 'F32', 'I64', 'I32', 'U8'),
    fc.infiniteStream(fc.nat(255)),
  )
  .map(([shape, dtype, stream]) => {
    const numbers = shape.reduce((p, q) => p * q, 1);
    const bytes = Uint8Array.from(stream.take(numbers * 8)).buffer;
    if (dtype === 'F64') return { dtype, shape, data: new Float64Array(bytes) };
    if (dtype === 'F32') return { dtype, shape, data: new Float32Array(bytes, 0, numbers) };
    if (dtype === 'I64') return { dtype, shape, data: new BigInt64Array(bytes) };
    if (dtype === 'I32') return { dtype, shape, data: new Int32Array(bytes, 0, numbers) };
    return { dtype: 'U8', shape, data: new Uint8Array(bytes, 0, numbers) };
  });
const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__proto__' && text !== '__metadata__');
const bitsOf = ({ data }: Tensor): number[] =>
  Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

test('round trip of any content, bit for bit (NaN included), in any order of writing', () => {
  fc.assert(
    fc.property(
      fc.dictionary(name, tensor, { maxKeys: 6 }),
      fc.dictionary(name, fc.string(), { maxKeys: 4 }),
      (tensors, metadata) => {
        const bytes = writeSafetensors({ tensors, metadata });
        const reversed = Object.fromEntries(Object.entries(tensors).reverse());
        expect(writeSafetensors({ tensors: reversed, metadata })).toEqual(bytes);
        const back = read(bytes);
        expect({ ...back.metadata }).toEqual({ ...metadata });
        expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort());
        for (const [key, { dtype, shape, data }] of Object.entries(back.tensors)) {
          expect([dtype, shape, bitsOf({ dtype, shape, data } as Tensor)]).toEqual([
            tensors[key].dtype,
            tensors[key].shape,
            bitsOf(tensors[key]),
          ]);
        }
      },
    ),
    { numRuns: 200 },
  );
});

describe('from strangers', () => {
  const f64 = (from: number, to: number, extra = ''): string =>
    `{"dtype":"F64","shape":[${(to - from) / 8}],"data_offsets":[${from},${to}]${extra}}`;

  test.each([
    ['nothing', new Uint8Array(0), 'too few'],
    ['seven bytes', new Uint8Array(7), 'too few'],
    ['a text file', new TextEncoder().encode('216\nLattice="1 0 0'), 'a header of'],
    ['a header of 2⁶⁴−1 bytes', new Uint8Array(64).fill(255), 'a header of 18446744073709551615 bytes'],
    ['no JSON', fileWith('{"a"'), 'not valid JSON'],
    ['a list', fileWith('[]'), 'does not start with "{"'],
    ['space before the header', fileWith(' {}'), 'does not start with "{"'],
    ['no UTF-8', fileWith('{}', 0).map((b) => (b === 0x7d ? 0xff : b)), 'not UTF-8'],
    ['text after the header', fileWith('{} x'), 'not valid JSON'],
    ['a name twice', fileWith(`{"a":${f64(0, 8)},"a":${f64(0, 8)}}`, 8), 'the key "a" twice'],
    ['__proto__', fileWith(`{"__proto__":${f64(0, 8)}}`, 8), '__proto__'],
    ['metadata that are no record', fileWith('{"__metadata__":[]}'), 'not a JSON object'],
    ['metadata that are no text', fileWith('{"__metadata__":{"a":1}}'), 'not text'],
    ['no tensor', fileWith('{"a":[]}'), 'without dtype'],
    ['half a tensor', fileWith('{"a":{"dtype":"F64"}}'), 'no shape'],
    ['an unknown dtype', fileWith(`{"a":${f64(0, 8).replace('F64', 'F128')}}`, 8), '"F128" is none of'],
    ['a dtype from a prototype', fileWith(`{"a":${f64(0, 8).replace('F64', 'toString')}}`, 8), 'is none of'],
    ['an unknown key', fileWith(`{"a":${f64(0, 8, ',"compressed":true')}}`, 8), '"compressed" says nothing'],
    ['half a number', fileWith('{"a":{"dtype":"F64","shape":[0.5],"data_offsets":[0,4]}}', 4), 'no shape'],
    ['negative sizes', fileWith('{"a":{"dtype":"F64","shape":[-1,-1],"data_offsets":[0,8]}}', 8), 'no shape'],
    ['huge sizes', fileWith('{"a":{"dtype":"U8","shape":[9007199254740991,4],"data_offsets":[0,8]}}', 8), 'no shape'],
    [
      'more memory than there is',
      fileWith('{"a":{"dtype":"U8","shape":[9007199254740991],"data_offsets":[0,9007199254740991]}}', 8),
      'ends at byte',
    ],
    [
      'sizes beyond the data',
      fileWith('{"a":{"dtype":"U8","shape":[1000000,1000000],"data_offsets":[0,8]}}', 8),
      '8 bytes for',
    ],
    ['offsets backwards', fileWith('{"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}}', 8), 'no pair of offsets'],
    ['offsets below zero', fileWith('{"a":{"dtype":"U8","shape":[8],"data_offsets":[-8,0]}}', 8), 'no pair of offsets'],
    ['three offsets', fileWith('{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,4,8]}}', 8), 'no pair of offsets'],
    ['an overlap', fileWith(`{"a":${f64(0, 16)},"b":${f64(8, 24)}}`, 24), 'inside another tensor'],
    ['a hole', fileWith(`{"a":${f64(0, 8)},"b":${f64(16, 24)}}`, 24), 'bytes 8 to 16 belong to no tensor'],
    ['a tail', fileWith(`{"a":${f64(0, 8)}}`, 9), 'last 1 bytes belong to no tensor'],
    ['a truncated file', fileWith(`{"a":${f64(0, 16)}}`, 15), 'ends at byte 16'],
  ])('%s is refused', (_, bytes, what) => {
    expect(() => read(bytes)).toThrow(what);
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({ code: 'bad-safetensors', place: expect.objectContaining({ path: 'x.safetensors' }) }),
    );
  });

  test('offsets far into a large file are fine', () => {
    // 2²⁷ bytes of holes can't be tested cheaply; that the pair is accepted shows in what is complained about.
    const far = '{"a":{"dtype":"U8","shape":[1],"data_offsets":[400000000,400000001]}}';
    expect(() => read(fileWith(far, 8))).toThrow('bytes 0 to 400000000 belong to no tensor');
  });

  test('a header that is too long is refused before it is read', () => {
    const bytes = new Uint8Array(5 * 2 ** 20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
    expect(() => read(bytes)).toThrow('4194304 are allowed');
  });

  test('empty tensors and files are fine', () => {
    expect(Object.keys(read(fileWith('{}   ')).tensors)).toEqual([]);
    const empty =
      '{"a":{"dtype":"F64","shape":[0,5],"data_offsets":[0,0]},"b":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}';
    expect(read(fileWith(empty)).tensors.a).toEqual({ dtype: 'F64', shape: [0, 5], data: new Float64Array(0) });
  });

  test('names of Object.prototype mean nothing', () => {
    const { tensors, metadata } = read(fileWith('{"__metadata__":{}}'));
    expect(tensors.constructor).toBeUndefined();
    expect(metadata.toString).toBeUndefined();
  });

  test('NaN and infinities are refused where the caller asks for it', () => {
    const data = (value: number): Uint8Array =>
      writeSafetensors({ tensors: { w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, value) } }, metadata: {} });
    expect(read(data(Number.NaN)).tensors.w.data[1]).toBeNaN();
    expect(read(data(2), { finite: true }).tensors.w.data[1]).toBe(2);
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(() => read(data(value), { finite: true })).toThrow(`number 1 is ${value}`);
    }
  });
});

test('a writer that contradicts itself is a bug', () => {
  const data = Float64Array.of(1, 2);
  const write = (named: string, shape: number[]) => () =>
    writeSafetensors({ tensors: { [named]: { dtype: 'F64', shape, data } }, metadata: {} });
  expect(write('a', [3])).toThrow(RangeError);
  expect(write('__metadata__', [2])).toThrow(RangeError);
  expect(write('a', [2])).not.toThrow();
});
