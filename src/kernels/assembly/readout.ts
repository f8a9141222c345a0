/** The neural readout of one block of atoms: energies, and what they say of the features. */
import { addOuter, biasRows, multiply, productOf, scaleBy, silu, siluTwice } from './matrix';
import { madd, sp, total } from './simd';
import {
  BLOCK,
  b1,
  b2,
  b3,
  nFeatures,
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

/** z = x·W + b of both layers, for one head; leaves h1, h2 and the slopes. */
function hiddenLayers(head: usize): void {
  biasRows(b1 + ((head * nSpecies * nHidden1) << 2), sKinds, nHidden1, sH1);
  multiply(sX, BLOCK, nFeatures, w1 + ((head * nFeatures * nHidden1) << 2), nHidden1, sH1, true);
  silu(sH1, sD1, (BLOCK * nHidden1) << 2);
  biasRows(b2 + ((head * nSpecies * nHidden2) << 2), sKinds, nHidden2, sH2);
  multiply(sH1, BLOCK, nHidden1, w2 + ((head * nHidden1 * nHidden2) << 2), nHidden2, sH2, true);
  silu(sH2, sD2, (BLOCK * nHidden2) << 2);
}

/** a · b over `bytes`. */
function dot(a: usize, b: usize, bytes: usize): v128 {
  let s = sp(0);
  for (let k: usize = 0; k < bytes; k += 16) s = madd(v128.load(a + k), v128.load(b + k), s);
  return s;
}

/**
 * Energies of the block (f32, added to `energies`) and ∂E/∂x in sGX, times `weight`; the first head of a
 * committee overwrites sGX, the others add.
 */
export function readout(head: usize, weight: f32, energies: usize, addTo: bool): void {
  hiddenLayers(head);
  const bytes2 = nHidden2 << 2;
  const bytesX = nFeatures << 2;
  const out = w3 + head * bytes2;
  const straight = skip + head * bytesX;
  const scale = sp(weight);
  for (let a: usize = 0; a < BLOCK; a++) {
    const bias = load<f32>(b3 + ((head * nSpecies + <usize>load<i32>(sKinds + (a << 2))) << 2));
    const e = total(f32x4.add(dot(sH2 + a * bytes2, out, bytes2), dot(sX + a * bytesX, straight, bytesX))) + bias;
    const at = energies + (a << 2);
    store<f32>(at, load<f32>(at) + weight * e);
    const slope = sD2 + a * bytes2;
    for (let k: usize = 0; k < bytes2; k += 16)
      v128.store(slope + k, f32x4.mul(f32x4.mul(v128.load(out + k), scale), v128.load(slope + k)));
    const g = sGX + a * bytesX;
    for (let k: usize = 0; k < bytesX; k += 16) {
      const s = f32x4.mul(v128.load(straight + k), scale);
      v128.store(g + k, addTo ? f32x4.add(v128.load(g + k), s) : s);
    }
  }
  multiply(sD2, BLOCK, nHidden2, w2T + ((head * nHidden1 * nHidden2) << 2), nHidden1, sH1, false);
  scaleBy(sH1, sD1, (BLOCK * nHidden1) << 2);
  multiply(sH1, BLOCK, nHidden1, w1T + ((head * nFeatures * nHidden1) << 2), nFeatures, sGX, true);
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
let gW1: usize = 0;
let gB1: usize = 0;
let gW2: usize = 0;
let gB2: usize = 0;
let gW3: usize = 0;
let gSkip: usize = 0;
let gB3: usize = 0;

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
