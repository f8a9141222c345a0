/**
 * SOAP on one matrix of parameters, in single precision: Adam in the eigenbasis of Shampoo's Kronecker factors.
 * Twin of reference/soap.ts; sides are multiples of four.
 */
import { addProduct, multiply, transpose } from './matrix';
import { madd, sp, total } from './simd';

/** First step: nothing moves, the factors start from this gradient. */
const FIRST: i32 = 1;
/** Bring the eigenbases up to date after the step. */
const REFRESH: i32 = 2;

const LARGEST_UPDATE: f32 = 5;
/** A side longer than this has no eigenbasis: SOAP_LONGEST_SIDE. */
const LONGEST_SIDE: usize = 256;

/** Bytes of work space for a matrix of these sides. */
export function soapBytes(rows: usize, columns: usize): usize {
  return 3 * pieceBytes(rows, columns);
}

/** Bytes of a piece of it, which holds the matrix or a basis. */
function pieceBytes(rows: usize, columns: usize): usize {
  const side = min(max(rows, columns), LONGEST_SIDE);
  return max(rows * columns, side * side) << 2;
}

/**
 * The update direction (per unit of learning rate) of the matrix of `record`: u32 rows, columns, addresses of G, out,
 * m, v, L, R, QL, QLᵀ, QR, QRᵀ (f32, row-major; 0 for the factor and bases of a side without).
 * c1, c2: corrections of the first steps; d1, d2: 1 − β₁, 1 − β₂.
 */
export function soapDirection(record: usize, work: usize, c1: f32, c2: f32, d1: f32, d2: f32, mode: i32): void {
  const rows: usize = load<u32>(record);
  const columns: usize = load<u32>(record, 4);
  const G: usize = load<u32>(record, 8);
  const out: usize = load<u32>(record, 12);
  const m: usize = load<u32>(record, 16);
  const v: usize = load<u32>(record, 20);
  const QL: usize = load<u32>(record, 32);
  const QLT: usize = load<u32>(record, 36);
  const QR: usize = load<u32>(record, 40);
  const QRT: usize = load<u32>(record, 44);
  const bytes = (rows * columns) << 2;
  const piece = pieceBytes(rows, columns);
  const a = work;
  const b = a + piece;
  const c = b + piece;
  if (mode & FIRST) {
    memory.fill(out, 0, bytes);
    follow(record, G, 1, a);
    for (let k = 0; k < 10; k++) refresh(record, work);
    return;
  }
  const k1 = sp(d1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const old = v128.load(m + i);
    v128.store(m + i, madd(k1, f32x4.sub(v128.load(G + i), old), old));
  }
  rotate(rows, columns, QLT, QR, G, b, a);
  const k2 = sp(d2);
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = v128.load(a + i);
    const old = v128.load(v + i);
    v128.store(v + i, madd(k2, f32x4.sub(f32x4.mul(g, g), old), old));
  }
  rotate(rows, columns, QLT, QR, m, b, a);
  const s1 = sp(c1);
  const s2 = sp(c2);
  for (let i: usize = 0; i < bytes; i += 16) {
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v128.load(v + i), s2)), sp(1e-8));
    const u = f32x4.div(f32x4.mul(v128.load(a + i), s1), root);
    v128.store(a + i, f32x4.pmin(f32x4.pmax(u, sp(-LARGEST_UPDATE)), sp(LARGEST_UPDATE)));
  }
  rotate(rows, columns, QL, QRT, a, c, out);
  follow(record, G, d2, a);
  if (mode & REFRESH) refresh(record, work);
}

/** Left · X · right into `out`, by way of `b`; an address 0 stands for the unit matrix. */
function rotate(rows: usize, columns: usize, left: usize, right: usize, X: usize, b: usize, out: usize): void {
  const bytes = (rows * columns) << 2;
  let half = X;
  if (left) {
    multiply(left, rows, rows, X, columns, right ? b : out, false);
    half = b;
  }
  if (right) multiply(half, rows, columns, right, columns, out, false);
  else if (!left) memory.copy(out, X, bytes);
}

/** L ← L + w (G Gᵀ − L), R ← R + w (Gᵀ G − R). */
function follow(record: usize, G: usize, w: f32, work: usize): void {
  const rows: usize = load<u32>(record);
  const columns: usize = load<u32>(record, 4);
  const L: usize = load<u32>(record, 24);
  const R: usize = load<u32>(record, 28);
  const keep = sp(1 - w);
  if (L) {
    for (let i: usize = 0; i < (rows * rows) << 2; i += 16) v128.store(L + i, f32x4.mul(v128.load(L + i), keep));
    transpose(G, rows, columns, work);
    addProduct(work, work, columns, rows, rows, w, L);
  }
  if (R) {
    for (let i: usize = 0; i < (columns * columns) << 2; i += 16) v128.store(R + i, f32x4.mul(v128.load(R + i), keep));
    addProduct(G, G, rows, columns, columns, w, R);
  }
}

/** One step of QR iteration for either basis: Q ← orthonormalised L Q. */
function refresh(record: usize, work: usize): void {
  const rows: usize = load<u32>(record);
  const columns: usize = load<u32>(record, 4);
  if (load<u32>(record, 24))
    refreshBasis(load<u32>(record, 24), load<u32>(record, 32), load<u32>(record, 36), rows, work);
  if (load<u32>(record, 28))
    refreshBasis(load<u32>(record, 28), load<u32>(record, 40), load<u32>(record, 44), columns, work);
}

function refreshBasis(factor: usize, Q: usize, QT: usize, n: usize, work: usize): void {
  // (L Q)ᵀ = Qᵀ L: the vectors to be made orthonormal are rows, in one piece each.
  multiply(QT, n, n, factor, n, work, false);
  const row = n << 2;
  for (let j: usize = 0; j < n; j++) {
    const own = work + j * row;
    if (!orthogonalise(work, j, row)) {
      // The factor has nothing more to say: keep the old direction, or else any other one.
      memory.copy(own, QT + j * row, row);
      for (let axis: usize = 0; !orthogonalise(work, j, row) && axis < n; axis++) {
        memory.fill(own, 0, row);
        store<f32>(own + (axis << 2), 1);
      }
    }
  }
  memory.copy(QT, work, n * row);
  transpose(QT, n, n, Q);
}

/** Row j orthogonal to the rows before it, and of length 1 (Gram–Schmidt, twice); false when nothing is left of it. */
function orthogonalise(rows: usize, j: usize, row: usize): bool {
  const own = rows + j * row;
  if (!normalise(own, row, 1e-30)) return false;
  for (let pass = 0; pass < 2; pass++) {
    for (let k: usize = 0; k < j; k++) {
      const other = rows + k * row;
      let s = sp(0);
      for (let i: usize = 0; i < row; i += 16) s = madd(v128.load(own + i), v128.load(other + i), s);
      const t = sp(-total(s));
      for (let i: usize = 0; i < row; i += 16) v128.store(own + i, madd(t, v128.load(other + i), v128.load(own + i)));
    }
    if (!normalise(own, row, 1e-3)) return false;
  }
  return true;
}

function normalise(own: usize, row: usize, least: f32): bool {
  let s = sp(0);
  for (let i: usize = 0; i < row; i += 16) s = madd(v128.load(own + i), v128.load(own + i), s);
  const norm = sqrt(total(s));
  if (!(norm > least)) return false;
  const f = sp(1 / norm);
  for (let i: usize = 0; i < row; i += 16) v128.store(own + i, f32x4.mul(v128.load(own + i), f));
  return true;
}
