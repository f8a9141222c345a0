/** The neural readout of one block of atoms: energies, and what they say of the features. */
import { addOuter, biasRows, multiply, multiplyIn, productOf, scaleBy, silu, siluTwice } from './matrix';
import { copyTo, madd, sp, total } from './simd';
import {
  allB1,
  allB2,
  allW1,
  allW1T,
  BLOCK,
  b1,
  b2,
  b3,
  meanB3,
  meanSkip,
  nChannels,
  nFeatures,
  nHeads,
  nHidden1,
  nHidden2,
  nSpecies,
  sC1,
  sC2,
  sD1,
  sD2,
  sGX,
  sH1,
  sH2,
  sKinds,
  skip,
  sU,
  sV,
  sX,
  tGX,
  tH1,
  tH2,
  tU,
  tV,
  tX,
  tZ1,
  tZ2,
  w1,
  w1T,
  w2,
  w2T,
  w3,
} from './state';

/** a · b over `bytes`. */
export function dot(a: usize, b: usize, bytes: usize): v128 {
  let s = sp(0);
  for (let k: usize = 0; k < bytes; k += 16) s = madd(v128.load(a + k), v128.load(b + k), s);
  return s;
}

/** Energies (f32 [16] at `energies`) and ∂E/∂x (sGX) of the block: of one head, or of the mean of all (head < 0). */
export function readout(head: i32, energies: usize): void {
  if (head < 0) {
    readoutOf(nHeads, allW1, allW1T, allB1, w2, w2T, allB2, w3, meanSkip, meanB3, energies);
    return;
  }
  const h = <usize>head;
  const S = nSpecies;
  const F = nFeatures;
  const H1 = nHidden1;
  const H2 = nHidden2;
  readoutOf(
    1,
    w1 + ((h * F * H1) << 2),
    w1T + ((h * F * H1) << 2),
    b1 + ((h * S * H1) << 2),
    w2 + ((h * H1 * H2) << 2),
    w2T + ((h * H1 * H2) << 2),
    b2 + ((h * S * H2) << 2),
    w3 + ((h * H2) << 2),
    skip + ((h * F) << 2),
    b3 + ((h * S) << 2),
    energies,
  );
}

/**
 * h1 and h2 with their slopes, of `heads` heads side by side: the first layer of all is one product, the second one for
 * each.
 */
export function hiddenLayers(heads: usize, W1: usize, B1: usize, W2: usize, B2: usize): void {
  const width1 = heads * nHidden1;
  const width2 = heads * nHidden2;
  const row1 = width1 << 2;
  const row2 = width2 << 2;
  const step2 = (nHidden1 * nHidden2) << 2;
  biasRows(B1, sKinds, width1, sH1);
  multiply(sX, BLOCK, nFeatures, W1, width1, sH1, true);
  silu(sH1, sD1, BLOCK * row1);
  biasRows(B2, sKinds, width2, sH2);
  for (let h: usize = 0; h < heads; h++)
    multiplyIn(
      sH1 + ((h * nHidden1) << 2),
      row1,
      BLOCK,
      nHidden1,
      W2 + h * step2,
      nHidden2,
      sH2 + ((h * nHidden2) << 2),
      row2,
      true,
    );
  silu(sH2, sD2, BLOCK * row2);
}

/** The readout of `heads` heads side by side, and the way back to the features. */
function readoutOf(
  heads: usize,
  W1: usize,
  W1T: usize,
  B1: usize,
  W2: usize,
  W2T: usize,
  B2: usize,
  W3: usize,
  straight: usize,
  B3: usize,
  energies: usize,
): void {
  const width1 = heads * nHidden1;
  const row2 = (heads * nHidden2) << 2;
  const rowX = nFeatures << 2;
  hiddenLayers(heads, W1, B1, W2, B2);
  const scale = sp(<f32>(1.0 / <f64>heads));
  for (let a: usize = 0; a < BLOCK; a++) {
    const bias = load<f32>(B3 + ((<usize>load<i32>(sKinds + (a << 2))) << 2));
    const x = sX + a * rowX;
    store<f32>(energies + (a << 2), total(madd(dot(sH2 + a * row2, W3, row2), scale, dot(x, straight, rowX))) + bias);
    copyTo(sGX + a * rowX, straight, rowX);
  }
  hiddenBackward(heads, W2T, W3, scale);
  multiply(sH1, BLOCK, width1, W1T, nFeatures, sGX, true);
}

/** ∂e/∂(x·w1) of `heads` heads side by side, in place of h1; each head's energy counts `scale` times. */
function hiddenBackward(heads: usize, W2T: usize, W3: usize, scale: v128): void {
  const row1 = (heads * nHidden1) << 2;
  const row2 = (heads * nHidden2) << 2;
  const step2 = (nHidden1 * nHidden2) << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const slope = sD2 + a * row2;
    for (let k: usize = 0; k < row2; k += 16)
      v128.store(slope + k, f32x4.mul(f32x4.mul(v128.load(W3 + k), scale), v128.load(slope + k)));
  }
  for (let h: usize = 0; h < heads; h++)
    multiplyIn(
      sD2 + ((h * nHidden2) << 2),
      row2,
      BLOCK,
      nHidden2,
      W2T + h * step2,
      nHidden1,
      sH1 + ((h * nHidden1) << 2),
      row1,
      false,
    );
  scaleBy(sH1, sD1, BLOCK * row1);
}

/**
 * Energies of the block by every head, f32 [16] each and `stride` bytes apart at `energies`; then `headGradient` says
 * what each of them makes of the features.
 */
export function readoutHeads(energies: usize, stride: usize): void {
  const rowX = nFeatures << 2;
  const row2 = nHidden2 << 2;
  hiddenLayers(nHeads, allW1, allB1, w2, allB2);
  for (let h: usize = 0; h < nHeads; h++) {
    for (let a: usize = 0; a < BLOCK; a++) {
      const kind: usize = load<u32>(sKinds + (a << 2));
      const e = madd(
        dot(sH2 + (a * nHeads + h) * row2, w3 + h * row2, row2),
        sp(1),
        dot(sX + a * rowX, skip + h * rowX, rowX),
      );
      store<f32>(energies + h * stride + (a << 2), total(e) + load<f32>(b3 + ((h * nSpecies + kind) << 2)));
    }
  }
  hiddenBackward(nHeads, w2T, w3, sp(1));
}

/** ∂e/∂x (sGX) of one head of the block, after `readoutHeads`. */
export function headGradient(h: usize): void {
  const rowX = nFeatures << 2;
  const row1 = nHidden1 << 2;
  for (let a: usize = 0; a < BLOCK; a++) copyTo(sGX + a * rowX, skip + h * rowX, rowX);
  const W1T = w1T + h * nFeatures * row1;
  multiplyIn(sH1 + h * row1, nHeads * row1, BLOCK, nHidden1, W1T, nFeatures, sGX, rowX, true);
}

/**
 * Back through an activation in dual numbers: (u, ut) → (u s', ut s' + u s'' ż); the second of them is the
 * gradient of the bias of each atom's species.
 */
function activationBackward(U: usize, Ut: usize, D: usize, C: usize, Zt: usize, width: usize, gb: usize): void {
  const bytes = width << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const g = gb + <usize>load<i32>(sKinds + (a << 2)) * bytes;
    const row = a * bytes;
    for (let k: usize = 0; k < bytes; k += 16) {
      const i = row + k;
      const u = v128.load(U + i);
      const d = v128.load(D + i);
      const t = madd(v128.load(Ut + i), d, f32x4.mul(f32x4.mul(u, v128.load(Zt + i)), v128.load(C + i)));
      v128.store(U + i, f32x4.mul(u, d));
      v128.store(Ut + i, t);
      v128.store(g + k, f32x4.add(v128.load(g + k), t));
    }
  }
}

/** Where the gradient of each block of weights goes. */
export let gMix: usize = 0;
export let gW1: usize = 0;
export let gB1: usize = 0;
export let gW2: usize = 0;
export let gB2: usize = 0;
export let gW3: usize = 0;
export let gSkip: usize = 0;
export let gB3: usize = 0;
/** These two with a direct force head only. */
export let gWF: usize = 0;
export let gBF: usize = 0;

/** Sets the gradient buffer: f32 in the layout of the weights (see `weightLayout`), for one head. */
export function useGradient(base: usize, head: usize, heads: usize, mixLength: usize): void {
  const S = nSpecies;
  gMix = base;
  let at = base + (mixLength << 2);
  gW1 = at + ((head * nFeatures * nHidden1) << 2);
  at += (heads * nFeatures * nHidden1) << 2;
  gB1 = at + ((head * S * nHidden1) << 2);
  at += (heads * S * nHidden1) << 2;
  gW2 = at + ((head * nHidden1 * nHidden2) << 2);
  at += (heads * nHidden1 * nHidden2) << 2;
  gB2 = at + ((head * S * nHidden2) << 2);
  at += (heads * S * nHidden2) << 2;
  gW3 = at + ((head * nHidden2) << 2);
  at += (heads * nHidden2) << 2;
  gSkip = at + ((head * nFeatures) << 2);
  at += (heads * nFeatures) << 2;
  gB3 = at + ((head * S) << 2);
  at += (heads * S) << 2;
  gWF = at + ((head * nHidden2 * nChannels) << 2);
  at += (heads * nHidden2 * nChannels) << 2;
  gBF = at + ((head * S * nChannels) << 2);
}

/**
 * The readout in dual numbers, forward and back: adds its weights' gradients, leaves the adjoints of the features
 * (value sGX, tangent tGX). `seed` is ∂L/∂E; only the first `count` atoms of the block count.
 */
export function readoutDual(head: usize, seed: f32, count: usize): void {
  const bytes1 = (BLOCK * nHidden1) << 2;
  const bytes2 = (BLOCK * nHidden2) << 2;
  const W1 = w1 + ((head * nFeatures * nHidden1) << 2);
  const W2 = w2 + ((head * nHidden1 * nHidden2) << 2);
  biasRows(b1 + ((head * nSpecies * nHidden1) << 2), sKinds, nHidden1, sH1);
  multiply(sX, BLOCK, nFeatures, W1, nHidden1, sH1, true);
  multiply(tX, BLOCK, nFeatures, W1, nHidden1, tZ1, false);
  siluTwice(sH1, sD1, sC1, bytes1);
  productOf(tZ1, sD1, tH1, bytes1);
  biasRows(b2 + ((head * nSpecies * nHidden2) << 2), sKinds, nHidden2, sH2);
  multiply(sH1, BLOCK, nHidden1, W2, nHidden2, sH2, true);
  multiply(tH1, BLOCK, nHidden1, W2, nHidden2, tZ2, false);
  siluTwice(sH2, sD2, sC2, bytes2);
  productOf(tZ2, sD2, tH2, bytes2);
  outputDual(head, seed, count);
  activationBackward(sU, tU, sD2, sC2, tZ2, nHidden2, gB2);
  addOuter(sH1, tH1, BLOCK, nHidden1, tU, sU, nHidden2, gW2);
  const W2T = w2T + ((head * nHidden1 * nHidden2) << 2);
  multiply(sU, BLOCK, nHidden2, W2T, nHidden1, sV, false);
  multiply(tU, BLOCK, nHidden2, W2T, nHidden1, tV, false);
  activationBackward(sV, tV, sD1, sC1, tZ1, nHidden1, gB1);
  addOuter(sX, tX, BLOCK, nFeatures, tV, sV, nHidden1, gW1);
  const W1T = w1T + ((head * nFeatures * nHidden1) << 2);
  multiply(sV, BLOCK, nHidden1, W1T, nFeatures, sGX, true);
  multiply(tV, BLOCK, nHidden1, W1T, nFeatures, tGX, true);
}

/** Output layer of the dual readout: gradients of w3, skip, b3; seeds in sU, tU and sGX, tGX. */
function outputDual(head: usize, seed: f32, count: usize): void {
  const row2 = nHidden2 << 2;
  const rowX = nFeatures << 2;
  const out = w3 + head * row2;
  const straight = skip + head * rowX;
  const e = sp(seed);
  const none = sp(0);
  for (let a: usize = 0; a < BLOCK; a++) {
    const counts = a < count;
    for (let k: usize = 0; k < row2; k += 16) {
      const i = a * row2 + k;
      const w = v128.load(out + k);
      v128.store(sU + i, counts ? w : none);
      v128.store(tU + i, counts ? f32x4.mul(e, w) : none);
      if (counts) {
        const g = gW3 + k;
        v128.store(g, f32x4.add(v128.load(g), madd(e, v128.load(sH2 + i), v128.load(tH2 + i))));
      }
    }
    for (let k: usize = 0; k < rowX; k += 16) {
      const i = a * rowX + k;
      const w = v128.load(straight + k);
      v128.store(sGX + i, counts ? w : none);
      v128.store(tGX + i, counts ? f32x4.mul(e, w) : none);
      if (counts) {
        const g = gSkip + k;
        v128.store(g, f32x4.add(v128.load(g), madd(e, v128.load(sX + i), v128.load(tX + i))));
      }
    }
    if (counts) {
      const g = gB3 + ((<usize>load<i32>(sKinds + (a << 2))) << 2);
      store<f32>(g, load<f32>(g) + seed);
    }
  }
}
