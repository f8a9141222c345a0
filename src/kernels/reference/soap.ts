import { type MatrixPlace, SOAP_LONGEST_SIDE, type SoapOptimiser, type SoapSettings } from '../kernels.ts';
import { multiplyInto, orthonormalise } from './dense.ts';

const LARGEST_UPDATE = 5;
const EPSILON = 1e-8;

/** What is remembered of one matrix; L, R and their eigenbases are empty for a side that is too long. */
interface MatrixState {
  readonly place: MatrixPlace;
  readonly m: Float64Array;
  readonly v: Float64Array;
  readonly L: Float64Array;
  readonly R: Float64Array;
  readonly QL: Float64Array;
  readonly QR: Float64Array;
}

const ARRAYS = ['m', 'v', 'L', 'R', 'QL', 'QR'] as const;

function emptyState(place: MatrixPlace): MatrixState {
  const { rows, columns } = place;
  const square = (side: number): Float64Array => new Float64Array(side <= SOAP_LONGEST_SIDE ? side * side : 0);
  const identity = (side: number): Float64Array => square(side).map((_, i) => (i % (side + 1) === 0 ? 1 : 0));
  return {
    place,
    m: new Float64Array(rows * columns),
    v: new Float64Array(rows * columns),
    L: square(rows),
    R: square(columns),
    QL: identity(rows),
    QR: identity(columns),
  };
}

/** Left · X · right, either transposed on demand; an empty matrix stands for the unit matrix. */
function rotate(X: Float64Array, { QL, QR, place }: MatrixState, back: boolean): Float64Array {
  const { rows, columns } = place;
  let half = X;
  if (QL.length > 0) {
    half = new Float64Array(rows * columns);
    multiplyInto(half, QL, X, { rows, inner: rows, columns, transposeA: !back });
  }
  if (QR.length === 0) return Float64Array.from(half);
  const out = new Float64Array(rows * columns);
  multiplyInto(out, half, QR, { rows, inner: columns, columns, transposeB: back });
  return out;
}

/** L ← L + w (G Gᵀ − L), R ← R + w (Gᵀ G − R). */
function follow({ L, R, place }: MatrixState, G: Float64Array, w: number): void {
  const { rows, columns } = place;
  const square = new Float64Array(Math.max(L.length, R.length));
  if (L.length > 0) multiplyInto(square, G, G, { rows, inner: columns, columns: rows, transposeB: true });
  for (let i = 0; i < L.length; i++) L[i] += w * (square[i] - L[i]);
  if (R.length > 0) multiplyInto(square, G, G, { rows: columns, inner: rows, columns, transposeA: true });
  for (let i = 0; i < R.length; i++) R[i] += w * (square[i] - R[i]);
}

/** One step of QR iteration: Q ← orthonormalised L Q. */
function refresh(factor: Float64Array, Q: Float64Array, side: number): void {
  if (factor.length === 0) return;
  const product = new Float64Array(side * side);
  multiplyInto(product, factor, Q, { rows: side, inner: side, columns: side });
  orthonormalise(product, side);
  Q.set(product);
}

/** SOAP in double precision, written to be read. */
export function createReferenceSoap(places: readonly MatrixPlace[], settings: SoapSettings): SoapOptimiser {
  const { beta1, beta2 } = settings;
  const states = places.map(emptyState);
  let step = 0;
  const update = (state: MatrixState, G: Float64Array, out: Float64Array): void => {
    const { m, v, place } = state;
    const { rows, columns } = place;
    const refreshBoth = (): void => {
      refresh(state.L, state.QL, rows);
      refresh(state.R, state.QR, columns);
    };
    if (step === 0) {
      out.fill(0);
      follow(state, G, 1);
      for (let k = 0; k < 10; k++) refreshBoth();
      return;
    }
    const c1 = 1 / (1 - beta1 ** step);
    const c2 = 1 / (1 - beta2 ** step);
    for (let i = 0; i < m.length; i++) m[i] += (1 - beta1) * (G[i] - m[i]);
    const g = rotate(G, state, false);
    for (let i = 0; i < v.length; i++) v[i] += (1 - beta2) * (g[i] ** 2 - v[i]);
    const u = rotate(m, state, false).map((x, i) =>
      Math.max(-LARGEST_UPDATE, Math.min(LARGEST_UPDATE, (x * c1) / (Math.sqrt(v[i] * c2) + EPSILON))),
    );
    out.set(rotate(u, state, true));
    follow(state, G, 1 - beta2);
    if (step % settings.refresh === 0) refreshBoth();
  };
  return {
    direction(gradient, out) {
      for (const state of states) {
        const { offset, rows, columns } = state.place;
        const end = offset + rows * columns;
        update(state, gradient.subarray(offset, end), out.subarray(offset, end));
      }
      step++;
    },
    save() {
      const saved: Record<string, Float64Array> = { step: Float64Array.of(step) };
      for (const [n, state] of states.entries())
        for (const name of ARRAYS) saved[`${n}.${name}`] = Float64Array.from(state[name]);
      return saved;
    },
    restore(saved) {
      step = saved.step[0];
      for (const [n, state] of states.entries()) for (const name of ARRAYS) state[name].set(saved[`${n}.${name}`]);
    },
  };
}
