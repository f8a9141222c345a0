/** Small pieces of SIMD that every kernel uses; four single-precision lanes. */

/** a·b + c; fused where the build allows relaxed SIMD. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The same number in all lanes. */
export function sp(x: f32): v128 {
  return f32x4.splat(x);
}

/** Sum of the four lanes. */
export function total(a: v128): f32 {
  return f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1) + f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3);
}

/** The four totals of four vectors, as one vector. */
export function totals(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/**
 * 1/(1 + e^−z), relative error about 2e-7. The exponential is 2^n · 2^f with n the nearest integer, got by adding
 * 1.5·2²³ so that n stands in the low bits of the sum, and a minimax polynomial for 2^f on [−½, ½]. z is clamped to
 * ±86, so that no denormal is ever produced (they cost three times as much).
 */
export function sigmoid(z: v128): v128 {
  const t = f32x4.mul(f32x4.pmin(f32x4.pmax(z, sp(-86)), sp(86)), sp(-1.4426950408889634));
  const m = f32x4.add(t, sp(12582912));
  const f = f32x4.sub(t, f32x4.sub(m, sp(12582912)));
  let p = madd(sp(0.001327647129073739), f, sp(0.009675540961325169));
  p = madd(p, f, sp(0.05550713092088699));
  p = madd(p, f, sp(0.24022120237350464));
  p = madd(p, f, sp(0.6931469440460205));
  p = madd(p, f, sp(1.0000001192092896));
  const one = sp(1);
  return f32x4.div(one, f32x4.add(one, i32x4.add(p, i32x4.shl(m, 23))));
}

/** 2^x for x ≤ 0, relative error about 1e-7; below 2^−120 cut off there, so that no denormal is ever produced. */
export function power2(x: v128): v128 {
  const t = f32x4.pmax(x, sp(-120));
  const m = f32x4.add(t, sp(12582912));
  const f = f32x4.sub(t, f32x4.sub(m, sp(12582912)));
  let p = madd(sp(0.0001535336203209695), f, sp(0.0013398874650660253));
  p = madd(p, f, sp(0.009618437359119183));
  p = madd(p, f, sp(0.055503324705354726));
  p = madd(p, f, sp(0.2402264791360068));
  p = madd(p, f, sp(0.6931472028553377));
  return i32x4.add(madd(p, f, sp(1)), i32x4.shl(m, 23));
}

/** Copies a multiple of 16 bytes. For small pieces: memory.copy is a call out of the kernel. */
export function copyTo(to: usize, from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

/** Zeroes a multiple of 16 bytes. */
export function clear(at: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(at + i, sp(0));
}
