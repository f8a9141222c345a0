/** SOAP in the engine's memory: single precision, matrices shared out among the threads. */
import { type MatrixPlace, SOAP_LONGEST_SIDE, type SoapOptimiser, type SoapSettings } from '../kernels.ts';
import { createBuffer } from './memory.ts';
import type { Engine } from './system.ts';

/** Bytes of a matrix's record; see assembly/soap.ts. */
const RECORD = 48;
/** Modes of a step; see assembly/soap.ts. */
const FIRST = 1;
const REFRESH = 2;

const ARRAYS = ['m', 'v', 'L', 'R', 'QL', 'QR'] as const;

interface Resident {
  readonly place: MatrixPlace;
  /** Sides in memory, multiples of 4: what is added is zero, and stays it. */
  readonly rows: number;
  readonly columns: number;
  readonly gradient: number;
  readonly out: number;
  /** [address, length] of each remembered array; length 0 for a side without an eigenbasis. */
  readonly arrays: Readonly<Record<(typeof ARRAYS)[number], readonly [number, number]>>;
  readonly transposes: readonly [number, number];
}

const fours = (n: number): number => 4 * Math.ceil(n / 4);

export function createSimdSoap(
  engine: Pick<Engine, 'heap' | 'kernels' | 'crew' | 'threads'>,
  places: readonly MatrixPlace[],
  settings: SoapSettings,
): SoapOptimiser {
  const { heap, kernels, crew } = engine;
  const { beta1, beta2 } = settings;
  const records = heap.allocate(RECORD * places.length);
  const work = createBuffer(heap);
  const residents = places.map((place, n): Resident => {
    const [rows, columns] = [fours(place.rows), fours(place.columns)];
    const block = (length: number): readonly [number, number] => [length > 0 ? heap.allocate(4 * length) : 0, length];
    const square = (side: number): readonly [number, number] => block(side <= SOAP_LONGEST_SIDE ? side * side : 0);
    const arrays = {
      m: block(rows * columns),
      v: block(rows * columns),
      L: square(rows),
      R: square(columns),
      QL: square(rows),
      QR: square(columns),
    };
    for (const [basis, side] of [
      [arrays.QL, rows],
      [arrays.QR, columns],
    ] as const) {
      const Q = heap.f32(basis[0], basis[1]);
      if (basis[1] > 0) for (let i = 0; i < side; i++) Q[i * (side + 1)] = 1;
    }
    const transposes = [square(rows)[0], square(columns)[0]] as const;
    const gradient = heap.allocate(4 * rows * columns);
    const out = heap.allocate(4 * rows * columns);
    const { m, v, L, R, QL, QR } = arrays;
    const addresses = [gradient, out, m[0], v[0], L[0], R[0], QL[0], transposes[0], QR[0], transposes[1]];
    heap.i32(records + n * RECORD, 12).set([rows, columns, ...addresses]);
    return { place, rows, columns, gradient, out, arrays, transposes };
  });
  const workStride = Math.max(64, ...residents.map(({ rows, columns }) => kernels.soapBytes(rows, columns)));
  /** The transposed bases follow from the bases. */
  const transposeBases = (): void => {
    for (const { rows, columns, arrays, transposes } of residents) {
      for (const [basis, to, side] of [
        [arrays.QL, transposes[0], rows],
        [arrays.QR, transposes[1], columns],
      ] as const) {
        if (basis[1] === 0) continue;
        const Q = heap.f32(basis[0], basis[1]);
        const T = heap.f32(to, basis[1]);
        for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) T[j * side + i] = Q[i * side + j];
      }
    }
  };
  transposeBases();
  let step = 0;
  return {
    direction(gradient, out) {
      for (const { place, rows, columns, gradient: at } of residents) {
        const padded = heap.f32(at, rows * columns);
        for (let i = 0; i < place.rows; i++) {
          const from = place.offset + i * place.columns;
          padded.set(gradient.subarray(from, from + place.columns), i * columns);
        }
      }
      const first = step === 0;
      const limit = Math.min(engine.threads, places.length);
      crew.run(
        {
          kind: 'soap',
          records,
          count: places.length,
          work: work.ensure(workStride * limit),
          workStride,
          c1: first ? 1 : 1 / (1 - beta1 ** step),
          c2: first ? 1 : 1 / (1 - beta2 ** step),
          d1: 1 - beta1,
          d2: 1 - beta2,
          mode: first ? FIRST : step % settings.refresh === 0 ? REFRESH : 0,
        },
        limit,
      );
      for (const { place, rows, columns, out: at } of residents) {
        const padded = heap.f32(at, rows * columns);
        for (let i = 0; i < place.rows; i++) {
          out.set(padded.subarray(i * columns, i * columns + place.columns), place.offset + i * place.columns);
        }
      }
      step++;
    },
    save() {
      const saved: Record<string, Float64Array> = { step: Float64Array.of(step) };
      for (const [n, { arrays }] of residents.entries()) {
        for (const name of ARRAYS) saved[`${n}.${name}`] = new Float64Array(heap.f32(...arrays[name]));
      }
      return saved;
    },
    restore(saved) {
      step = saved.step[0];
      for (const [n, { arrays }] of residents.entries()) {
        for (const name of ARRAYS) heap.f32(...arrays[name]).set(saved[`${n}.${name}`]);
      }
      transposeBases();
    },
  };
}
