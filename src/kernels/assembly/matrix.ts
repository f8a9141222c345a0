import { copyTo, madd, sigmoid, sp } from './simd';
import { BLOCK } from './state';

/**
 * Y[rows][n] = X[rows][depth] · W[depth][n], or added to Y. rows, depth and n are multiples of 4; all row-major f32.
 * Tiles of 4 rows × 8 columns: as many sums as stay in 16 registers.
 */
export function multiply(X: usize, rows: usize, depth: usize, W: usize, n: usize, Y: usize, add: bool): void {
  multiplyIn(X, depth << 2, rows, depth, W, n, Y, n << 2, add);
}

/** The same with rows of X and Y that are `sx` and `sy` bytes apart: parts of wider matrices. */
export function multiplyIn(
  X: usize,
  sx: usize,
  rows: usize,
  depth: usize,
  W: usize,
  n: usize,
  Y: usize,
  sy: usize,
  add: bool,
): void {
  const sn = n << 2;
  const length = depth << 2;
  let c: usize = 0;
  for (; c + 32 <= sn; c += 32) {
    for (let r: usize = 0; r < rows; r += 4) {
      let x0 = X + r * sx;
      let x1 = x0 + sx;
      let x2 = x1 + sx;
      let x3 = x2 + sx;
      let w = W + c;
      const y0 = Y + r * sy + c;
      const y1 = y0 + sy;
      const y2 = y1 + sy;
      const y3 = y2 + sy;
      let a0 = sp(0);
      let a1 = a0;
      let b0 = a0;
      let b1 = a0;
      let c0 = a0;
      let c1 = a0;
      let d0 = a0;
      let d1 = a0;
      if (add) {
        a0 = v128.load(y0);
        a1 = v128.load(y0, 16);
        b0 = v128.load(y1);
        b1 = v128.load(y1, 16);
        c0 = v128.load(y2);
        c1 = v128.load(y2, 16);
        d0 = v128.load(y3);
        d1 = v128.load(y3, 16);
      }
      const end = x0 + length;
      while (x0 < end) {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        let s = v128.load32_splat(x0);
        a0 = madd(s, w0, a0);
        a1 = madd(s, w1, a1);
        s = v128.load32_splat(x1);
        b0 = madd(s, w0, b0);
        b1 = madd(s, w1, b1);
        s = v128.load32_splat(x2);
        c0 = madd(s, w0, c0);
        c1 = madd(s, w1, c1);
        s = v128.load32_splat(x3);
        d0 = madd(s, w0, d0);
        d1 = madd(s, w1, d1);
        x0 += 4;
        x1 += 4;
        x2 += 4;
        x3 += 4;
        w += sn;
      }
      v128.store(y0, a0);
      v128.store(y0, a1, 16);
      v128.store(y1, b0);
      v128.store(y1, b1, 16);
      v128.store(y2, c0);
      v128.store(y2, c1, 16);
      v128.store(y3, d0);
      v128.store(y3, d1, 16);
    }
  }
  if (c < sn) multiplyLast(X, sx, rows, depth, W + c, n, Y + c, sy, add);
}

/** The last four columns, where n is not a multiple of 8. */
function multiplyLast(
  X: usize,
  sx: usize,
  rows: usize,
  depth: usize,
  W: usize,
  n: usize,
  Y: usize,
  sy: usize,
  add: bool,
): void {
  const sn = n << 2;
  for (let r: usize = 0; r < rows; r += 4) {
    let x0 = X + r * sx;
    let w = W;
    const y = Y + r * sy;
    let a = add ? v128.load(y) : sp(0);
    let b = add ? v128.load(y + sy) : sp(0);
    let c = add ? v128.load(y + 2 * sy) : sp(0);
    let d = add ? v128.load(y + 3 * sy) : sp(0);
    const end = x0 + (depth << 2);
    while (x0 < end) {
      const w0 = v128.load(w);
      a = madd(v128.load32_splat(x0), w0, a);
      b = madd(v128.load32_splat(x0 + sx), w0, b);
      c = madd(v128.load32_splat(x0 + 2 * sx), w0, c);
      d = madd(v128.load32_splat(x0 + 3 * sx), w0, d);
      x0 += 4;
      w += sn;
    }
    v128.store(y, a);
    v128.store(y + sy, b);
    v128.store(y + 2 * sy, c);
    v128.store(y + 3 * sy, d);
  }
}

/**
 * G[depth][n] += Xᵀ·Z + X'ᵀ·Z' over `rows` rows: gradient of a weight matrix in dual numbers.
 * depth and n are multiples of 4.
 */
export function addOuter(
  X: usize,
  Xt: usize,
  rows: usize,
  depth: usize,
  Z: usize,
  Zt: usize,
  n: usize,
  G: usize,
): void {
  const sx = depth << 2;
  const sn = n << 2;
  for (let k: usize = 0; k < sx; k += 16) {
    for (let c: usize = 0; c < sn; c += 16) {
      const g = G + (k >> 2) * sn + c;
      let a0 = v128.load(g);
      let a1 = v128.load(g + sn);
      let a2 = v128.load(g + 2 * sn);
      let a3 = v128.load(g + 3 * sn);
      let x = X + k;
      let xt = Xt + k;
      let z = Z + c;
      let zt = Zt + c;
      for (let r: usize = 0; r < rows; r++) {
        const v = v128.load(z);
        const t = v128.load(zt);
        a0 = madd(v128.load32_splat(x), v, madd(v128.load32_splat(xt), t, a0));
        a1 = madd(v128.load32_splat(x, 4), v, madd(v128.load32_splat(xt, 4), t, a1));
        a2 = madd(v128.load32_splat(x, 8), v, madd(v128.load32_splat(xt, 8), t, a2));
        a3 = madd(v128.load32_splat(x, 12), v, madd(v128.load32_splat(xt, 12), t, a3));
        x += sx;
        xt += sx;
        z += sn;
        zt += sn;
      }
      v128.store(g, a0);
      v128.store(g + sn, a1);
      v128.store(g + 2 * sn, a2);
      v128.store(g + 3 * sn, a3);
    }
  }
}

/** h = silu(z) = z/(1 + e^−z) in place, and its slope. */
export function silu(H: usize, D: usize, bytes: usize): void {
  const one = sp(1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const z = v128.load(H + i);
    const s = sigmoid(z);
    const h = f32x4.mul(z, s);
    v128.store(H + i, h);
    v128.store(D + i, madd(h, f32x4.sub(one, s), s));
  }
}

/** The same with the second derivative in C. */
export function siluTwice(H: usize, D: usize, C: usize, bytes: usize): void {
  const one = sp(1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const z = v128.load(H + i);
    const s = sigmoid(z);
    const h = f32x4.mul(z, s);
    const u = f32x4.sub(one, s);
    v128.store(H + i, h);
    v128.store(D + i, madd(h, u, s));
    v128.store(C + i, f32x4.mul(f32x4.mul(s, u), madd(z, f32x4.sub(u, s), sp(2))));
  }
}

/** A *= B, element by element. */
export function scaleBy(A: usize, B: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(A + i, f32x4.mul(v128.load(A + i), v128.load(B + i)));
}

/** OUT = A · B, element by element. */
export function productOf(A: usize, B: usize, OUT: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(OUT + i, f32x4.mul(v128.load(A + i), v128.load(B + i)));
}

/** Fills the rows of a block with the bias of each atom's species; `kinds` is i32 [16]. */
export function biasRows(table: usize, kinds: usize, width: usize, Y: usize): void {
  const bytes = width << 2;
  for (let a: usize = 0; a < BLOCK; a++)
    copyTo(Y + a * bytes, table + <usize>load<i32>(kinds + (a << 2)) * bytes, bytes);
}

/** OUT[columns][rows] = Aᵀ. */
export function transpose(A: usize, rows: usize, columns: usize, OUT: usize): void {
  for (let r: usize = 0; r < rows; r++)
    for (let c: usize = 0; c < columns; c++)
      store<f32>(OUT + ((c * rows + r) << 2), load<f32>(A + ((r * columns + c) << 2)));
}

/** G[depth][n] += factor · Xᵀ·Z over `rows` rows; depth and n are multiples of 4. */
export function addProduct(X: usize, Z: usize, rows: usize, depth: usize, n: usize, factor: f32, G: usize): void {
  const sx = depth << 2;
  const sn = n << 2;
  const f = sp(factor);
  for (let k: usize = 0; k < sx; k += 16) {
    for (let c: usize = 0; c < sn; c += 16) {
      let a0 = sp(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let x = X + k;
      let z = Z + c;
      for (let r: usize = 0; r < rows; r++) {
        const v = v128.load(z);
        a0 = madd(v128.load32_splat(x), v, a0);
        a1 = madd(v128.load32_splat(x, 4), v, a1);
        a2 = madd(v128.load32_splat(x, 8), v, a2);
        a3 = madd(v128.load32_splat(x, 12), v, a3);
        x += sx;
        z += sn;
      }
      const g = G + (k >> 2) * sn + c;
      v128.store(g, madd(a0, f, v128.load(g)));
      v128.store(g + sn, madd(a1, f, v128.load(g + sn)));
      v128.store(g + 2 * sn, madd(a2, f, v128.load(g + 2 * sn)));
      v128.store(g + 3 * sn, madd(a3, f, v128.load(g + 3 * sn)));
    }
  }
}
