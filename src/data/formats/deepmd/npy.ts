/**
 * NumPy's .npy files: one array of numbers behind a header in Python's notation, of which exactly what NumPy writes is
 * understood; nothing is evaluated. Format versions 1 to 3, C order, little-endian.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { quoted, refusal } from '../../refuse.ts';
import type { InputFile } from '../format.ts';

/** An array of any number type, as doubles. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** Row-major. Not-a-number and infinity may be among them. */
  readonly values: Float64Array;
}

/** Number types that are read, with their bytes. */
const TYPES: Readonly<Record<string, number>> = { f4: 4, f8: 8, i4: 4, i8: 8, b1: 1 };
const MAGIC: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const LONGEST_HEADER = 65_536;
const MOST_DIMENSIONS = 8;

/**
 * The array of a .npy file; its size is compared with the bytes that are there before anything is allotted.
 * @throws NearsightError `bad-npy` (no such file, damaged, cut short), `unsupported-npy` (another type or order),
 *   `bad-number` (integers that no double holds)
 */
export function readNpy(file: InputFile): NpyArray {
  const { bytes, path } = file;
  const start = dataStart(file);
  const header = new TextDecoder('latin1').decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, start));
  const { type, shape } = parseHeader(header, path);
  const count = shape.reduce((product, length) => product * length, 1);
  const expected = count * TYPES[type];
  if (bytes.length - start !== expected) {
    throw refusal(
      'bad-npy',
      `an array of ${shape.join(' × ') || '1'} numbers of type ${type} takes ${expected} bytes, found ${bytes.length - start}`,
      'the file was cut short or damaged: copy or write it again',
      { path, field: 'shape' },
    );
  }
  return { shape, values: decoded(file, start, type, count) };
}

/** Where the numbers begin. */
function dataStart({ bytes, path }: InputFile): number {
  const damaged = (what: string): Error =>
    refusal('bad-npy', what, 'is this a file that numpy.save wrote, copied as binary?', { path });
  if (bytes.length < 10 || MAGIC.some((byte, k) => bytes[k] !== byte)) {
    throw damaged('the file does not begin as a NumPy file does');
  }
  const version = bytes[6];
  if (version < 1 || version > 3) throw damaged(`the file is of version ${version} of the NumPy format`);
  const long = version > 1;
  if (long && bytes.length < 12) throw damaged('the file ends within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (long ? 12 : 10) + length;
  if (length > LONGEST_HEADER || start > bytes.length) throw damaged(`the header claims to be ${length} bytes long`);
  return start;
}

const ENTRY = /\s*'(descr|fortran_order|shape)'\s*:\s*(?:'([^']*)'|(True|False)|\(([\d\s,]*)\))\s*(?:,|(?=\}))/y;

function parseHeader(header: string, path: string): { readonly type: string; readonly shape: readonly number[] } {
  const found = new Map<string, string>();
  const text = header.trim();
  ENTRY.lastIndex = text.startsWith('{') ? 1 : text.length;
  for (let match = ENTRY.exec(text); match !== null; match = ENTRY.exec(text)) {
    found.set(match[1], match[2] ?? match[3] ?? match[4]);
    if (/^\s*\}$/.test(text.slice(ENTRY.lastIndex))) break;
  }
  const descr = found.get('descr');
  const order = found.get('fortran_order');
  const lengths = found.get('shape');
  if (descr === undefined || !/^(True|False)$/.test(order ?? '') || lengths === undefined || found.size !== 3) {
    throw refusal('bad-npy', `the header is ${quoted(text)}`, 'expected descr, fortran_order and shape', { path });
  }
  const type = /^[<|=](\w\d)$/.exec(descr)?.[1] ?? '';
  if (!Object.hasOwn(TYPES, type)) {
    throw refusal(
      'unsupported-npy',
      `the numbers are of type ${quoted(descr)}`,
      `convert them with array.astype('<f8'); ${Object.keys(TYPES).join(', ')} can be read, little-endian`,
      { path, field: 'descr' },
    );
  }
  const shape = lengths.split(',').flatMap((word) => (word.trim() === '' ? [] : [Number(word)]));
  if (shape.length > MOST_DIMENSIONS || !shape.every((length) => Number.isSafeInteger(length))) {
    throw refusal('bad-npy', `the shape is (${quoted(lengths)})`, 'expected a few whole numbers', { path });
  }
  if (order === 'True' && shape.filter((length) => length > 1).length > 1) {
    throw refusal('unsupported-npy', 'the array is in Fortran order', 'write numpy.ascontiguousarray(array)', { path });
  }
  return { type, shape };
}

function decoded({ bytes, path }: InputFile, start: number, type: string, count: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const values = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    if (type === 'f4') values[k] = view.getFloat32(4 * k, true);
    else if (type === 'f8') values[k] = view.getFloat64(8 * k, true);
    else if (type === 'i4') values[k] = view.getInt32(4 * k, true);
    else if (type === 'b1') values[k] = view.getUint8(k);
    else {
      const integer = view.getBigInt64(8 * k, true);
      values[k] = Number(integer);
      if (Number.isSafeInteger(values[k])) continue;
      const message = `element ${k} is ${integer}, more than a double holds exactly`;
      throw refusal('bad-number', message, 'the file is damaged', { path });
    }
  }
  return values;
}

/**
 * A .npy file (version 1.0) of the given shape: Float64Array as f8, Float32Array as f4, Int32Array as i4,
 * BigInt64Array as i8 and Uint8Array as b1 (truth values).
 */
export function writeNpy(
  values: Float64Array | Float32Array | Int32Array | BigInt64Array | Uint8Array,
  shape: readonly number[],
): Uint8Array {
  const count = shape.reduce((product, length) => product * length, 1);
  if (count !== values.length) throw new RangeError(`${values.length} numbers are no array of ${shape.join(' × ')}`);
  const descr =
    values instanceof Float64Array
      ? '<f8'
      : values instanceof Float32Array
        ? '<f4'
        : values instanceof Int32Array
          ? '<i4'
          : values instanceof Uint8Array
            ? '|b1'
            : '<i8';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // NumPy wants the numbers to begin at a multiple of 64 bytes.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length + values.byteLength);
  bytes.set([...MAGIC, 1, 0, length & 255, length >> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10);
  const view = new DataView(bytes.buffer, 10 + length);
  for (let k = 0; k < values.length; k++) {
    if (values instanceof Float64Array) view.setFloat64(8 * k, values[k], true);
    else if (values instanceof Float32Array) view.setFloat32(4 * k, values[k], true);
    else if (values instanceof Int32Array) view.setInt32(4 * k, values[k], true);
    else if (values instanceof Uint8Array) view.setUint8(k, values[k]);
    else view.setBigInt64(8 * k, values[k], true);
  }
  return bytes;
}
