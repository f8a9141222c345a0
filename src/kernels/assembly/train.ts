/** One structure of a training step: energy and forces, residuals, gradient sweep. */
import { directGradientBlock, evaluateBlock, gradientBlock } from './block';
import { directSeeds } from './direct-seeds';
import { clearLargest, largestForce } from './forces';
import { useGradient } from './readout';
import { BLOCK, edgeCapacity, nAtoms, nDirect, nHeads, nSites, owner, useSystem } from './state';

/**
 * The training buffers of a thread, from `base`: site forces i32 [M][4], site velocities f32 [M][4], energies
 * f32 [N + 16], strain of a block f32 [8], velocity gradient f32 [12]. Returns the bytes needed.
 */
export function trainingBytes(sites: i32, atoms: i32): usize {
  return ((<usize>sites) << 5) + ((<usize>atoms + 16) << 2) + 32 + 48 + 64;
}

/**
 * Adds the gradient of one loss term to `gradient` (f32) and writes its residuals to `errors` (f64 [5]: E − E*,
 * Σ (F − F*)², Σ (G − G*)², and with a direct force head |Σ F|², |Σ r×F|²). Labels behind the system record: f64 energy at 32, f64 G* [9] at 40, address of
 * f32 F* [N][4] at 112. Returns false when a force was too large for fixed point.
 */
export function trainStructure(
  system: usize,
  head: usize,
  wE: f64,
  wF: f64,
  wS: f64,
  wN: f64,
  wT: f64,
  buffers: usize,
  gradient: usize,
  mixLength: usize,
  errors: usize,
  scale: f32,
): bool {
  useSystem(system);
  const forces = buffers;
  const velocity = forces + ((<usize>nSites) << 4);
  const energies = velocity + ((<usize>nSites) << 4);
  const strain = energies + ((<usize>nAtoms + 16) << 2);
  const rate = strain + 32;
  memory.fill(forces, 0, (<usize>nSites) << 4);
  clearLargest();
  let E: f64 = 0;
  let gxx: f64 = 0;
  let gyy: f64 = 0;
  let gzz: f64 = 0;
  let gyz: f64 = 0;
  let gxz: f64 = 0;
  let gxy: f64 = 0;
  for (let lo = 0; lo < nAtoms; lo += <i32>BLOCK) {
    const hi = min(lo + <i32>BLOCK, nAtoms);
    evaluateBlock(lo, hi, <i32>head, energies, forces, scale, strain);
    for (let a: usize = 0; a < <usize>(hi - lo); a++) E += <f64>load<f32>(energies + (a << 2));
    gxx += <f64>load<f32>(strain);
    gyy += <f64>load<f32>(strain, 4);
    gzz += <f64>load<f32>(strain, 8);
    gyz += <f64>load<f32>(strain, 12);
    gxz += <f64>load<f32>(strain, 16);
    gxy += <f64>load<f32>(strain, 20);
  }
  // Every force on an atom is a sum of at most two contributions per edge: no sum can overflow 32 bits.
  if (!(largestForce() * scale * 2 * <f32>edgeCapacity < 2.1e9)) return false;
  const dE = E - load<f64>(system, 32);
  const targets: usize = load<u32>(system, 112);
  let ssF: f64 = 0;
  if (nDirect) ssF = directSeeds(forces, targets, velocity, wF, wN, wT, errors + 24);
  else {
    foldForces(forces, nAtoms, nSites, owner);
    ssF = forceResiduals(forces, targets, velocity, 1.0 / <f64>scale, <f32>(-2 * wF));
  }
  for (let s = nAtoms; s < nSites; s++)
    v128.store(
      velocity + ((<usize>s) << 4),
      v128.load(velocity + ((<usize>load<i32>(owner + ((<usize>s) << 2))) << 4)),
    );

  // ∂L/∂G contracted: the energy's change along r' = (2 wS (G − G*)) · r
  const g = system + 40;
  const dxx = gxx - load<f64>(g);
  const dxy = gxy - load<f64>(g, 8);
  const dxz = gxz - load<f64>(g, 16);
  const dyx = gxy - load<f64>(g, 24);
  const dyy = gyy - load<f64>(g, 32);
  const dyz = gyz - load<f64>(g, 40);
  const dzx = gxz - load<f64>(g, 48);
  const dzy = gyz - load<f64>(g, 56);
  const dzz = gzz - load<f64>(g, 64);
  const ssG = dxx * dxx + dyy * dyy + dzz * dzz + dxy * dxy + dxz * dxz + dyz * dyz + dyx * dyx + dzx * dzx + dzy * dzy;
  const k = 2 * wS;
  store<f32>(rate, <f32>(k * dxx));
  store<f32>(rate, <f32>(0.5 * k * (dxy + dyx)), 4);
  store<f32>(rate, <f32>(0.5 * k * (dxz + dzx)), 8);
  store<f32>(rate, load<f32>(rate, 4), 12);
  store<f32>(rate, <f32>(k * dyy), 16);
  store<f32>(rate, <f32>(0.5 * k * (dyz + dzy)), 20);
  store<f32>(rate, load<f32>(rate, 8), 24);
  store<f32>(rate, load<f32>(rate, 20), 28);
  store<f32>(rate, <f32>(k * dzz), 32);
  store<f64>(errors, dE);
  store<f64>(errors, ssF, 8);
  store<f64>(errors, ssG, 16);

  useGradient(gradient, head, nHeads, mixLength);
  const seed = <f32>(2 * wE * dE);
  if (nDirect) {
    for (let lo = 0; lo < nAtoms; lo += <i32>BLOCK)
      directGradientBlock(lo, min(lo + <i32>BLOCK, nAtoms), head, seed, velocity);
    return true;
  }
  for (let lo = 0; lo < nAtoms; lo += <i32>BLOCK)
    gradientBlock(lo, min(lo + <i32>BLOCK, nAtoms), head, seed, velocity, rate);
  return true;
}

/** Adds the fixed-point forces of the images to those of the atoms that they are images of. */
export function foldForces(forces: usize, atoms: i32, sites: i32, owners: usize): void {
  for (let s = atoms; s < sites; s++) {
    const f = forces + ((<usize>load<i32>(owners + ((<usize>s) << 2))) << 4);
    v128.store(f, i32x4.add(v128.load(f), v128.load(forces + ((<usize>s) << 4))));
  }
}

/** Σ (F − F*)², and `factor` · (F − F*) of each atom as f32 [4] in `out`: velocities −∂L/∂F of the sweep. */
export function forceResiduals(forces: usize, targets: usize, out: usize, unit: f64, factor: f32): f64 {
  let sum: f64 = 0;
  const u = f32x4.splat(<f32>unit);
  const k = f32x4.splat(factor);
  for (let i: usize = 0, end = (<usize>nAtoms) << 4; i < end; i += 16) {
    const d = f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(v128.load(forces + i)), u), v128.load(targets + i));
    const d2 = f32x4.mul(d, d);
    sum += <f64>(f32x4.extract_lane(d2, 0) + f32x4.extract_lane(d2, 1) + f32x4.extract_lane(d2, 2));
    v128.store(out + i, f32x4.mul(d, k));
  }
  return sum;
}
