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
 * exp(x), relative error about 2 ulp. x is clamped to ±87, so that no denormal is ever produced (they cost
 * three times as much). Range reduction by log 2 in two parts, then the polynomial of Cephes' expf.
 */
export function exponential(x0: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(x0, sp(-87)), sp(87));
  const n = f32x4.nearest(f32x4.mul(x, sp(1.4426950408889634)));
  let r = madd(n, sp(-0.693359375), x);
  r = madd(n, sp(2.1219444e-4), r);
  let p = madd(sp(1.98756915e-4), r, sp(1.3981999507e-3));
  p = madd(p, r, sp(8.3334519073e-3));
  p = madd(p, r, sp(4.1665795894e-2));
  p = madd(p, r, sp(1.6666665459e-1));
  p = madd(p, r, sp(0.5));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), sp(1));
  return f32x4.mul(p, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23));
}
