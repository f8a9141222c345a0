import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { findPython, runPython } from '../../../../tests/helpers/python.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { readNpy, writeNpy } from './npy.ts';

const path = 'array.npy';

test('what is written is read again, bit for bit', () => {
  const reals = Float64Array.of(0.1, -0, 5e-324, 1e308, Math.PI, -3);
  const back = readNpy({ path, bytes: writeNpy(reals, [2, 3]) });
  expect(back.shape).toEqual([2, 3]);
  expect(back.values).toEqual(reals);
  const singles = Float32Array.of(0.1, 2);
  expect(readNpy({ path, bytes: writeNpy(singles, [2]) }).values).toEqual(Float64Array.from(singles));
  expect([...readNpy({ path, bytes: writeNpy(Int32Array.of(-7, 9), [2, 1]) }).values]).toEqual([-7, 9]);
  expect([...readNpy({ path, bytes: writeNpy(BigInt64Array.of(-7n, 2n ** 40n), [2]) }).values]).toEqual([-7, 2 ** 40]);
  expect([...readNpy({ path, bytes: writeNpy(Uint8Array.of(1, 0, 1), [3]) }).values]).toEqual([1, 0, 1]);
  expect(readNpy({ path, bytes: writeNpy(new Float64Array(0), [0, 9]) })).toEqual({
    shape: [0, 9],
    values: new Float64Array(0),
  });
  // A file within a larger buffer, at an odd place.
  const padded = new Uint8Array([9, ...writeNpy(reals, [6])]);
  expect(readNpy({ path, bytes: padded.subarray(1) }).values).toEqual(reals);
});

/** A file with this header and so many bytes of zeros. */
function withHeader(header: string, bytes: number): Uint8Array {
  return new Uint8Array([
    ...[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8],
    ...new TextEncoder().encode(header),
    ...new Uint8Array(bytes),
  ]);
}

test('refuses what is not there and what it does not understand', () => {
  const refuse = (code: string, header: string, bytes = 8): string =>
    errorOf(code, () => readNpy({ path, bytes: withHeader(header, bytes) })).message;
  const end = "'fortran_order': False, 'shape': (1,), }";
  expect(readNpy({ path, bytes: withHeader(`{'descr': '<f8', ${end}`, 8) }).values).toHaveLength(1);
  // Order and blanks are free, and a tuple may lack its last comma.
  const other = "{'shape':(1,1),'fortran_order':True ,'descr':'=f8'}\n";
  expect(readNpy({ path, bytes: withHeader(other, 8) }).shape).toEqual([1, 1]);
  expect(refuse('unsupported-npy', `{'descr': '>f8', ${end}`)).toContain('>f8');
  expect(refuse('unsupported-npy', `{'descr': '|O', ${end}`)).toContain('|O');
  refuse('unsupported-npy', "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", 48);
  // Shapes that lie: 8 PB must not be asked for, and products that overflow not be believed.
  refuse('bad-npy', "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000000), }");
  refuse('bad-npy', "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }");
  refuse('bad-npy', "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }");
  refuse('bad-npy', "{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os'),), }");
  refuse('bad-npy', "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,), }");
  refuse('bad-npy', '');
  const big = new Uint8Array([...writeNpy(BigInt64Array.of(2n ** 60n), [1])]);
  errorOf('bad-number', () => readNpy({ path, bytes: big }));
  errorOf('bad-npy', () => readNpy({ path, bytes: new Uint8Array(5) }));
});

test('5,000 broken files', () => {
  const sample = writeNpy(Float64Array.from({ length: 18 }, Math.sin), [2, 9]);
  const outcome = expectReadOrRefused(readNpy, sample, { count: 5000, seed: 3, path });
  expect(outcome.read).toBeGreaterThan(50);
  expect(outcome.codes.size).toBeGreaterThanOrEqual(2);
});

const python = findPython(['numpy']);
describe.skipIf(python === undefined)('NumPy', () => {
  test('reads what we write, and we what it writes', () => {
    const ours = Buffer.from(writeNpy(Float64Array.of(0.1, 1 / 3, -2e-300, 4, 5, 6), [2, 3])).toString('base64');
    const script = `
import json, sys, io, base64
import numpy as np
a = np.load(io.BytesIO(base64.b64decode(json.load(sys.stdin))))
out = []
for b in (a, a.astype('f4'), np.arange(6).reshape(2, 3), np.arange(4, dtype='i4') - 2, np.array([True, False]), np.float64(7)):
    f = io.BytesIO(); np.save(f, b); out.append(base64.b64encode(f.getvalue()).decode())
f = io.BytesIO(); np.lib.format.write_array(f, a, version=(2, 0)); out.append(base64.b64encode(f.getvalue()).decode())
print(json.dumps(dict(values=a.ravel().tolist(), shape=a.shape, out=out)))`;
    const theirs = runPython(python ?? '', script, ours) as { values: number[]; shape: number[]; out: string[] };
    expect(theirs.shape).toEqual([2, 3]);
    expect(theirs.values).toEqual([0.1, 1 / 3, -2e-300, 4, 5, 6]);
    const read = theirs.out.map((text) => readNpy({ path, bytes: new Uint8Array(Buffer.from(text, 'base64')) }));
    expect(read.map(({ shape }) => shape)).toEqual([[2, 3], [2, 3], [2, 3], [4], [2], [], [2, 3]]);
    expect([...read[0].values]).toEqual(theirs.values);
    expect([...read[1].values]).toEqual(theirs.values.map(Math.fround));
    expect([...read[2].values]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...read[3].values]).toEqual([-2, -1, 0, 1]);
    expect([...read[4].values]).toEqual([1, 0]);
    expect([...read[5].values]).toEqual([7]);
    expect([...read[6].values]).toEqual(theirs.values);
  });
});
