/**
 * The safetensors format: named arrays of numbers behind a JSON header, nothing that could be run.
 *
 *   8 bytes   length n of the header, unsigned, little-endian
 *   n bytes   JSON: { name: { dtype, shape, data_offsets: [begin, end] }, …, "__metadata__": { key: text } },
 *             followed by spaces as far as one likes
 *   the rest  the arrays, row-major and little-endian, without holes or overlaps; offsets count from here
 *
 * Numbers are copied as bytes: typed arrays are little-endian on every machine that WebAssembly engines run on.
 */
import { NearsightError } from '../errors.ts';
import { parseJson, printable, shown } from './json.ts';

/** One array of numbers. `shape` is slowest first; its product is the length of `data`; [] is a single number. */
export type Tensor =
  | { readonly dtype: 'F64'; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'U8'; readonly shape: readonly number[]; readonly data: Uint8Array };

/** What a file holds. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ReadSafetensorsOptions {
  /** Refuse NaN and infinities in floating-point tensors; false when absent. */
  readonly finite?: boolean;
}

/** Bytes per number. */
const ITEM_BYTES: Readonly<Record<Tensor['dtype'], number>> = { F64: 8, F32: 4, I64: 8, I32: 4, U8: 1 };
const METADATA = '__metadata__';
/** Headers longer than this are a mistake, and would take seconds to refuse; ours have some kilobytes. */
const LONGEST_HEADER = 4 * 2 ** 20;

/**
 * The bytes of a file; equal content gives equal bytes, in whatever order it was written down. The names in the
 * header are sorted; the arrays follow each other with the largest numbers first, so that each of them starts at a
 * multiple of the size of its numbers.
 * @throws RangeError when a shape does not fit its data or a name is reserved
 */
export function writeSafetensors(content: Safetensors): Uint8Array {
  const named = sortedEntries(content.tensors);
  const stored = [...named].sort(([, a], [, b]) => ITEM_BYTES[b.dtype] - ITEM_BYTES[a.dtype]);
  const offsets = new Map<string, [number, number]>();
  let size = 0;
  for (const [name, tensor] of stored) {
    checkWritable(name, tensor);
    offsets.set(name, [size, (size += tensor.data.byteLength)]);
  }
  const metadata = sortedEntries(content.metadata).map(([key, text]) => pair(key, text));
  const header = named.map(([name, { dtype, shape }]) => pair(name, { dtype, shape, data_offsets: offsets.get(name) }));
  if (metadata.length > 0) header.unshift(`"${METADATA}":{${metadata.join(',')}}`);

  const text = new TextEncoder().encode(`{${header.join(',')}}`);
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + size).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  for (const [name, { data }] of stored) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + offsets.get(name)![0]);
  }
  return bytes;
}

const pair = (key: string, value: unknown): string => `${JSON.stringify(key)}:${JSON.stringify(value)}`;

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkWritable(name: string, { shape, data }: Tensor): void {
  if (name === METADATA || name === '__proto__') throw new RangeError(`a tensor can't be called "${name}"`);
  if (numbersIn(shape) !== data.length) throw new RangeError(`"${name}": [${shape}] for ${data.length} numbers`);
}

const isCount = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;

/** Product of the dimensions; NaN when one of them is no count or the product is no safe integer. */
function numbersIn(shape: readonly unknown[]): number {
  let product = 1;
  for (const n of shape) product *= isCount(n) ? n : Number.NaN;
  return Number.isSafeInteger(product) ? product : Number.NaN;
}

/**
 * What is in a file: copies, which share no memory with `bytes`. Safe for files from strangers: takes no more memory
 * than a small multiple of the file, and every byte of it must be accounted for. The records that come back have no
 * prototype: a name that is not in the file is undefined, whatever it is called.
 * @param source path or name, for the error
 * @throws NearsightError `bad-safetensors`
 */
export function readSafetensors(bytes: Uint8Array, source: string, options: ReadSafetensorsOptions = {}): Safetensors {
  const { start, header } = readHeader(bytes, source);
  const metadata: Record<string, string> = Object.create(null);
  const places: TensorPlace[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) readMetadata(value, metadata, source);
    else places.push(tensorPlace(name, value, source));
  }
  checkCoverage(places, bytes.length - start, source);
  const tensors: Record<string, Tensor> = Object.create(null);
  for (const { name, dtype, shape, begin, end } of places) {
    // Not `slice`: that of Node's buffers does not copy.
    const copy = new Uint8Array(end - begin);
    copy.set(bytes.subarray(start + begin, start + end));
    const tensor = tensorOf(dtype, shape, copy.buffer);
    if (options.finite === true) checkFinite(name, tensor, source);
    tensors[name] = tensor;
  }
  return { tensors, metadata };
}

function refuse(source: string, message: string, field?: string): never {
  throw new NearsightError('bad-safetensors', message, {
    hint: 'the file is damaged, not completely copied, or no safetensors file: get it anew from where it came from',
    place: { path: source, field: field === undefined ? undefined : printable(field) },
  });
}

function readHeader(bytes: Uint8Array, source: string): { start: number; header: object } {
  if (bytes.length < 8) refuse(source, `${bytes.length} bytes are too few for a safetensors file`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  // The header is JSON: a file whose ninth byte is not its brace is of another kind altogether.
  const kind = bytes[8] === 0x7b ? '' : 'this is no safetensors file, and so no model: ';
  if (length > bytes.length - 8)
    refuse(source, `${kind}a header of ${length} bytes in a file of ${bytes.length} bytes`);
  if (length > LONGEST_HEADER) refuse(source, `the header has ${length} bytes; ${LONGEST_HEADER} are allowed`);
  const start = 8 + Number(length);
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start));
  } catch {
    refuse(source, 'the header is not UTF-8 text');
  }
  if (text[0] !== '{') refuse(source, 'the header does not start with "{"');
  const header = parseJson(text, (what) => refuse(source, `the header ${what}`));
  return isRecord(header) ? { start, header } : refuse(source, 'the header is not a JSON object');
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readMetadata(value: unknown, metadata: Record<string, string>, source: string): void {
  if (!isRecord(value)) refuse(source, 'the metadata are not a JSON object', METADATA);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') refuse(source, `the value of ${shown(key)} in the metadata is not text`, METADATA);
    metadata[key] = text;
  }
}

/** Where the header says that a tensor is, bytes from the end of the header. */
interface TensorPlace {
  readonly name: string;
  readonly dtype: Tensor['dtype'];
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function tensorPlace(name: string, value: unknown, source: string): TensorPlace {
  if (!isRecord(value)) return refuse(source, 'a tensor without dtype, shape and data_offsets', name);
  const { dtype, shape, data_offsets: offsets, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) refuse(source, `${shown(unknown)} says nothing that is known about a tensor`, name);
  if (!isDtype(dtype)) {
    return refuse(source, `dtype ${shown(dtype)} is none of ${Object.keys(ITEM_BYTES).join(', ')}`, name);
  }
  const numbers = Array.isArray(shape) ? numbersIn(shape) : Number.NaN;
  if (Number.isNaN(numbers)) refuse(source, `${shown(shape)} is no shape`, name);
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || end < begin) {
    return refuse(source, `${shown(offsets)} is no pair of offsets`, name);
  }
  if (end - begin !== numbers * ITEM_BYTES[dtype]) {
    refuse(source, `${end - begin} bytes for ${numbers} numbers of type ${dtype}`, name);
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

const isDtype = (value: unknown): value is Tensor['dtype'] =>
  typeof value === 'string' && Object.hasOwn(ITEM_BYTES, value);

/** Every byte belongs to exactly one tensor. */
function checkCoverage(places: readonly TensorPlace[], size: number, source: string): void {
  let covered = 0;
  for (const { name, begin, end } of [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) refuse(source, `starts at byte ${begin}, inside another tensor`, name);
    if (begin > covered) refuse(source, `bytes ${covered} to ${begin} belong to no tensor`, name);
    if (end > size) refuse(source, `ends at byte ${end}; the file has ${size} bytes of data`, name);
    covered = end;
  }
  if (covered < size) refuse(source, `the last ${size - covered} bytes belong to no tensor`);
}

function tensorOf(dtype: Tensor['dtype'], shape: readonly number[], buffer: ArrayBufferLike): Tensor {
  switch (dtype) {
    case 'F64':
      return { dtype, shape, data: new Float64Array(buffer) };
    case 'F32':
      return { dtype, shape, data: new Float32Array(buffer) };
    case 'I64':
      return { dtype, shape, data: new BigInt64Array(buffer) };
    case 'I32':
      return { dtype, shape, data: new Int32Array(buffer) };
    case 'U8':
      return { dtype, shape, data: new Uint8Array(buffer) };
  }
}

function checkFinite(name: string, { dtype, data }: Tensor, source: string): void {
  if (dtype !== 'F64' && dtype !== 'F32') return;
  const bad = (data as Float64Array | Float32Array).findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) refuse(source, `number ${bad} is ${data[bad]}`, name);
}
