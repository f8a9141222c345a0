/** The network of one species, for a block of ROWS atoms of it. */
import { addOuter, multiply, productOf, scaleBy } from './matrix';
import { clear, copyTo, madd, power2, sp, total } from './simd';
import {
  activation,
  biases3,
  networks,
  nFunctions,
  nHeads,
  nHidden1,
  nHidden2,
  ROWS,
  sC1,
  sC2,
  scaling,
  sD1,
  sD2,
  sG,
  sGX,
  sH1,
  sH2,
  sU,
  sV,
  sX,
  tH1,
  tH2,
  tU,
  tV,
  tX,
  tZ1,
  tZ2,
} from './symmetry-state';

/** φ in place, φ′ in D, and φ″ in C unless that is 0. */
function activate(H: usize, D: usize, C: usize, bytes: usize): void {
  const one = sp(1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(H + i);
    const size = f32x4.abs(x);
    // e^−|x|, or e^−2|x| for tanh: 1 at most
    const t = power2(f32x4.mul(size, sp(activation === 0 ? -2.8853900817779268 : -1.4426950408889634)));
    const inverse = f32x4.div(one, f32x4.add(one, t));
    const negative = f32x4.lt(x, sp(0));
    let h = x;
    let d = one;
    let c = one;
    if (activation === 0) {
      h = f32x4.mul(f32x4.sub(one, t), inverse);
      h = v128.bitselect(f32x4.neg(h), h, negative);
      d = f32x4.sub(one, f32x4.mul(h, h));
      c = f32x4.mul(f32x4.mul(h, d), sp(-2));
    } else {
      const s = v128.bitselect(f32x4.mul(t, inverse), inverse, negative);
      const u = f32x4.sub(one, s);
      if (activation === 1) {
        // ln(1 + e^x) = max(x, 0) + ln(1 + t), and ln(1 + t) = 2 artanh(t/(2 + t))
        const a = f32x4.div(t, f32x4.add(t, sp(2)));
        const a2 = f32x4.mul(a, a);
        let p = madd(sp(0.2817817447613321), a2, sp(0.27960643438074445));
        p = madd(p, a2, sp(0.4002490684440228));
        p = madd(p, a2, sp(0.6666631478950373));
        p = madd(p, a2, sp(2.0000000079119777));
        h = madd(p, a, f32x4.pmax(x, sp(0)));
        d = s;
        c = f32x4.mul(s, u);
      } else {
        h = f32x4.mul(x, s);
        d = madd(h, u, s);
        c = f32x4.mul(f32x4.mul(s, u), madd(x, f32x4.sub(u, s), sp(2)));
      }
    }
    v128.store(H + i, h);
    v128.store(D + i, d);
    if (C) v128.store(C + i, c);
  }
}

/** Y[ROWS][n] = X · W + b. */
function layer(X: usize, depth: usize, W: usize, n: usize, bias: usize, Y: usize): void {
  const bytes = n << 2;
  for (let a: usize = 0; a < ROWS; a++) copyTo(Y + a * bytes, bias, bytes);
  multiply(X, ROWS, depth, W, n, Y, true);
}

function dot(a: usize, b: usize, bytes: usize): f32 {
  let s = sp(0);
  for (let k: usize = 0; k < bytes; k += 16) s = madd(v128.load(a + k), v128.load(b + k), s);
  return total(s);
}

/** x = (G − centre)/deviation of the block; the difference, of numbers that may be alike, in double precision. */
export function scaleFunctions(): void {
  const inverse = scaling + (nFunctions << 3);
  for (let a: usize = 0; a < ROWS; a++) {
    const row = a * nFunctions;
    for (let f: usize = 0; f < nFunctions; f++) {
      const difference = load<f64>(sG + ((row + f) << 3)) - load<f64>(scaling + (f << 3));
      store<f32>(sX + ((row + f) << 2), <f32>difference * load<f32>(inverse + (f << 2)));
    }
  }
}

/** Derivatives by x become derivatives by G, or rates of G rates of x. */
export function divideByDeviations(A: usize): void {
  const bytes = nFunctions << 2;
  for (let a: usize = 0; a < ROWS; a++) scaleBy(A + a * bytes, scaling + 2 * bytes, bytes);
}

/** Energies (f64 [ROWS]) and ∂E/∂G (sGX) of the block: of one head, or of the mean of all (head < 0). */
export function readout(head: i32, energies: usize): void {
  const from: usize = head < 0 ? 0 : <usize>head;
  const to: usize = head < 0 ? nHeads : from + 1;
  const share = 1.0 / <f64>(to - from);
  const scale = sp(<f32>share);
  const row1 = nHidden1 << 2;
  const row2 = nHidden2 << 2;
  for (let a: usize = 0; a < ROWS; a++) store<f64>(energies + (a << 3), 0);
  for (let h = from; h < to; h++) {
    const net = networks + (h << 5);
    layer(sX, nFunctions, load<u32>(net), nHidden1, load<u32>(net, 8), sH1);
    activate(sH1, sD1, 0, ROWS * row1);
    layer(sH1, nHidden1, load<u32>(net, 12), nHidden2, load<u32>(net, 20), sH2);
    activate(sH2, sD2, 0, ROWS * row2);
    const w3: usize = load<u32>(net, 24);
    const bias = load<f64>(biases3 + (h << 3));
    for (let a: usize = 0; a < ROWS; a++) {
      const e = energies + (a << 3);
      // The bias may be thousands of eV: it stays in double precision.
      store<f64>(e, load<f64>(e) + share * (bias + <f64>dot(sH2 + a * row2, w3, row2)));
      const slope = sD2 + a * row2;
      for (let k: usize = 0; k < row2; k += 16)
        v128.store(slope + k, f32x4.mul(f32x4.mul(v128.load(w3 + k), scale), v128.load(slope + k)));
    }
    multiply(sD2, ROWS, nHidden2, load<u32>(net, 16), nHidden1, sH1, false);
    scaleBy(sH1, sD1, ROWS * row1);
    multiply(sH1, ROWS, nHidden1, load<u32>(net, 4), nFunctions, sGX, h > from);
  }
  divideByDeviations(sGX);
}

/** Back through an activation in dual numbers: (u, u̇) → (u φ′, u̇ φ′ + u φ″ ż); the second one is the bias's gradient. */
function activationBackward(U: usize, Ut: usize, D: usize, C: usize, Zt: usize, width: usize, bias: usize): void {
  const row = width << 2;
  for (let i: usize = 0, k: usize = 0, bytes = ROWS * row; i < bytes; i += 16, k += 16) {
    if (k === row) k = 0;
    const u = v128.load(U + i);
    const d = v128.load(D + i);
    const t = madd(v128.load(Ut + i), d, f32x4.mul(f32x4.mul(u, v128.load(Zt + i)), v128.load(C + i)));
    v128.store(U + i, f32x4.mul(u, d));
    v128.store(Ut + i, t);
    v128.store(bias + k, f32x4.add(v128.load(bias + k), t));
  }
}

/**
 * The network in dual numbers, forward and back, from x (sX) and ẋ (tX): adds the gradients of its weights to `slot`,
 * f32 in the order w1 b1 w2 b2 w3 b3 from the network's place on. `seed` is ∂L/∂E; only `count` rows are atoms.
 */
export function readoutDual(head: usize, seed: f32, count: usize, slot: usize): void {
  const row1 = nHidden1 << 2;
  const row2 = nHidden2 << 2;
  const net = networks + (head << 5);
  const g1 = slot + <usize>load<u32>(net, 28);
  const gb1 = g1 + nFunctions * row1;
  const g2 = gb1 + row1;
  const gb2 = g2 + nHidden1 * row2;
  const g3 = gb2 + row2;
  const w1: usize = load<u32>(net);
  const w2: usize = load<u32>(net, 12);
  layer(sX, nFunctions, w1, nHidden1, load<u32>(net, 8), sH1);
  multiply(tX, ROWS, nFunctions, w1, nHidden1, tZ1, false);
  activate(sH1, sD1, sC1, ROWS * row1);
  productOf(tZ1, sD1, tH1, ROWS * row1);
  layer(sH1, nHidden1, w2, nHidden2, load<u32>(net, 20), sH2);
  multiply(tH1, ROWS, nHidden1, w2, nHidden2, tZ2, false);
  activate(sH2, sD2, sC2, ROWS * row2);
  productOf(tZ2, sD2, tH2, ROWS * row2);

  clear(sU, ROWS * row2);
  clear(tU, ROWS * row2);
  const e = sp(seed);
  for (let a: usize = 0; a < count; a++) {
    const at = a * row2;
    const w3: usize = load<u32>(net, 24);
    for (let k: usize = 0; k < row2; k += 16) {
      const w = v128.load(w3 + k);
      v128.store(sU + at + k, w);
      v128.store(tU + at + k, f32x4.mul(e, w));
      v128.store(g3 + k, madd(e, v128.load(sH2 + at + k), f32x4.add(v128.load(tH2 + at + k), v128.load(g3 + k))));
    }
    store<f32>(g3 + row2, load<f32>(g3 + row2) + seed);
  }
  activationBackward(sU, tU, sD2, sC2, tZ2, nHidden2, gb2);
  addOuter(sH1, tH1, ROWS, nHidden1, tU, sU, nHidden2, g2);
  multiply(sU, ROWS, nHidden2, load<u32>(net, 16), nHidden1, sV, false);
  multiply(tU, ROWS, nHidden2, load<u32>(net, 16), nHidden1, tV, false);
  activationBackward(sV, tV, sD1, sC1, tZ1, nHidden1, gb1);
  addOuter(sX, tX, ROWS, nFunctions, tV, sV, nHidden1, g1);
}
