/**
 * The readout with a direct force head: energies and φ forwards, and ordinary backpropagation for training. Forces are
 * outputs here, so nothing need be said of ∂E/∂x to evaluate them, nor in dual numbers to learn them.
 */
import { directBackward } from './direct';
import { addProduct, biasRows, multiply, scaleBy } from './matrix';
import { dot, gB1, gB2, gB3, gBF, gSkip, gW1, gW2, gW3, gWF, hiddenLayers } from './readout';
import { madd, sp, total } from './simd';
import {
  allB1,
  allB2,
  allW1,
  BLOCK,
  b1,
  b2,
  b3,
  bF,
  meanB3,
  meanBF,
  meanSkip,
  meanWF,
  nChannels,
  nFeatures,
  nHeads,
  nHidden1,
  nHidden2,
  nSpecies,
  sD1,
  sD2,
  sGPhi,
  sGX,
  sH1,
  sH2,
  sKinds,
  skip,
  sPhi,
  sU,
  sV,
  sX,
  w1,
  w1T,
  w2,
  w2T,
  w3,
  wF,
  wFT,
} from './state';

/** h1 and h2 with their slopes, and φ, of one head. */
function forward(head: usize): void {
  const S = nSpecies;
  hiddenLayers(
    1,
    w1 + ((head * nFeatures * nHidden1) << 2),
    b1 + ((head * S * nHidden1) << 2),
    w2 + ((head * nHidden1 * nHidden2) << 2),
    b2 + ((head * S * nHidden2) << 2),
  );
  biasRows(bF + ((head * S * nChannels) << 2), sKinds, nChannels, sPhi);
  multiply(sH2, BLOCK, nHidden2, wF + ((head * nHidden2 * nChannels) << 2), nChannels, sPhi, true);
}

/** Energies (f32 [16] at `energies`) and φ (sPhi) of the block: of one head, or the mean of all (head < 0). */
export function readoutDirect(head: i32, energies: usize): void {
  const all = head < 0;
  const h: usize = all ? 0 : <usize>head;
  if (all) {
    hiddenLayers(nHeads, allW1, allB1, w2, allB2);
    biasRows(meanBF, sKinds, nChannels, sPhi);
    multiply(sH2, BLOCK, nHeads * nHidden2, meanWF, nChannels, sPhi, true);
  } else forward(h);
  const row2 = (all ? nHeads : 1) * (nHidden2 << 2);
  const rowX = nFeatures << 2;
  const W3 = w3 + ((h * nHidden2) << 2);
  const straight = all ? meanSkip : skip + h * rowX;
  const B3 = all ? meanB3 : b3 + ((h * nSpecies) << 2);
  const scale = sp(all ? <f32>(1.0 / <f64>nHeads) : 1);
  for (let a: usize = 0; a < BLOCK; a++) {
    const bias = load<f32>(B3 + ((<usize>load<i32>(sKinds + (a << 2))) << 2));
    const e = madd(dot(sH2 + a * row2, W3, row2), scale, dot(sX + a * rowX, straight, rowX));
    store<f32>(energies + (a << 2), total(e) + bias);
  }
}

/** G[species of the atom] += U[atom]: the gradient of biases. */
function addBiasGradient(U: usize, width: usize, G: usize): void {
  const bytes = width << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const g = G + <usize>load<i32>(sKinds + (a << 2)) * bytes;
    const u = U + a * bytes;
    for (let k: usize = 0; k < bytes; k += 16) v128.store(g + k, f32x4.add(v128.load(g + k), v128.load(u + k)));
  }
}

/** G += seed · X[atom] over the first `count` atoms: the gradient of weights of the energy. */
function addEnergyGradient(X: usize, width: usize, seed: f32, count: usize, G: usize): void {
  const bytes = width << 2;
  const e = sp(seed);
  for (let a: usize = 0; a < count; a++) {
    const x = X + a * bytes;
    for (let k: usize = 0; k < bytes; k += 16) v128.store(G + k, madd(e, v128.load(x + k), v128.load(G + k)));
  }
}

/** Y[atom] = seed · w for the first `count` atoms of the block, zero for the others. */
function fillSeeds(w: usize, width: usize, seed: f32, count: usize, Y: usize): void {
  const bytes = width << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const e = sp(a < count ? seed : 0);
    for (let k: usize = 0; k < bytes; k += 16) v128.store(Y + a * bytes + k, f32x4.mul(e, v128.load(w + k)));
  }
}

/**
 * Forward and back through one head: adds its weights' gradients, leaves ∂L/∂x in sGX and φ in sPhi. `seed` is ∂L/∂E, and
 * ∂L/∂F of the first `count` atoms stands at `seeds`, f32 [4] each.
 */
export function readoutGradient(head: usize, seed: f32, count: usize, seeds: usize): void {
  const H1 = nHidden1;
  const H2 = nHidden2;
  const K = nChannels;
  const F = nFeatures;
  forward(head);
  directBackward(count, seeds);
  const out = w3 + ((head * H2) << 2);
  const straight = skip + ((head * F) << 2);
  addEnergyGradient(sH2, H2, seed, count, gW3);
  addEnergyGradient(sX, F, seed, count, gSkip);
  for (let a: usize = 0; a < count; a++) {
    const g = gB3 + ((<usize>load<i32>(sKinds + (a << 2))) << 2);
    store<f32>(g, load<f32>(g) + seed);
  }
  addBiasGradient(sGPhi, K, gBF);
  addProduct(sH2, sGPhi, BLOCK, H2, K, 1, gWF);
  fillSeeds(out, H2, seed, count, sU);
  multiply(sGPhi, BLOCK, K, wFT + ((head * H2 * K) << 2), H2, sU, true);
  scaleBy(sU, sD2, (BLOCK * H2) << 2);
  addBiasGradient(sU, H2, gB2);
  addProduct(sH1, sU, BLOCK, H1, H2, 1, gW2);
  multiply(sU, BLOCK, H2, w2T + ((head * H1 * H2) << 2), H1, sV, false);
  scaleBy(sV, sD1, (BLOCK * H1) << 2);
  addBiasGradient(sV, H1, gB1);
  addProduct(sX, sV, BLOCK, F, H1, 1, gW1);
  fillSeeds(straight, F, seed, count, sGX);
  multiply(sV, BLOCK, H1, w1T + ((head * F * H1) << 2), F, sGX, true);
}
