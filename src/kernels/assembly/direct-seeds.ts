/** What a loss says of the forces of a direct head. */
import { nAtoms, positions } from './state';

/**
 * ∂L/∂F = 2 wF (F − F*) + 2 wN P + 2 wT T × (r − r̄), with P = Σ F and T = Σ (r − r̄) × F, as f32 [N][4] at `out`; forces
 * and targets f32 [N][4]. Returns Σ (F − F*)²; |P|² and |T|² go to `net`, f64 [2].
 */
export function directSeeds(forces: usize, targets: usize, out: usize, wF: f64, wN: f64, wT: f64, net: usize): f64 {
  const n = <usize>nAtoms;
  let rx: f64 = 0;
  let ry: f64 = 0;
  let rz: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const r = positions + (i << 5);
    rx += load<f64>(r);
    ry += load<f64>(r, 8);
    rz += load<f64>(r, 16);
  }
  rx /= <f64>n;
  ry /= <f64>n;
  rz /= <f64>n;
  let px: f64 = 0;
  let py: f64 = 0;
  let pz: f64 = 0;
  let tx: f64 = 0;
  let ty: f64 = 0;
  let tz: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const f = forces + (i << 4);
    const fx = <f64>load<f32>(f);
    const fy = <f64>load<f32>(f, 4);
    const fz = <f64>load<f32>(f, 8);
    const r = positions + (i << 5);
    const x = load<f64>(r) - rx;
    const y = load<f64>(r, 8) - ry;
    const z = load<f64>(r, 16) - rz;
    px += fx;
    py += fy;
    pz += fz;
    tx += y * fz - z * fy;
    ty += z * fx - x * fz;
    tz += x * fy - y * fx;
  }
  store<f64>(net, px * px + py * py + pz * pz);
  store<f64>(net, tx * tx + ty * ty + tz * tz, 8);
  let sum: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const f = forces + (i << 4);
    const t = targets + (i << 4);
    const o = out + (i << 4);
    const dx = <f64>load<f32>(f) - <f64>load<f32>(t);
    const dy = <f64>load<f32>(f, 4) - <f64>load<f32>(t, 4);
    const dz = <f64>load<f32>(f, 8) - <f64>load<f32>(t, 8);
    sum += dx * dx + dy * dy + dz * dz;
    const r = positions + (i << 5);
    const x = load<f64>(r) - rx;
    const y = load<f64>(r, 8) - ry;
    const z = load<f64>(r, 16) - rz;
    store<f32>(o, <f32>(2 * (wF * dx + wN * px + wT * (ty * z - tz * y))));
    store<f32>(o, <f32>(2 * (wF * dy + wN * py + wT * (tz * x - tx * z))), 4);
    store<f32>(o, <f32>(2 * (wF * dz + wN * pz + wT * (tx * y - ty * x))), 8);
    store<f32>(o, 0, 12);
  }
  return sum;
}
