/**
 * Practice 3: what happens at the cutoff.
 *
 * A Lennard-Jones potential is cut off at 5.4 Å in three ways: sharply, shifted to zero there, and by a quintic switching
 * function between 4 and 5.4 Å. Two numbers decide: the jumps of energy and force at the cutoff, and whether molecular
 * dynamics conserves energy.
 *
 *   node scripts/run.mjs examples/practices/03-switching.ts [FOLDER]
 *
 * The cutoff lies on a shell of neighbours, so that atoms cross it all the time.
 *
 * Look at: a shifted potential has no jump in the energy, but one in the force; the drift shows it.
 * Try: a cubic switch 1 − 3u² + 2u³, whose second derivative jumps. Does the drift notice? Would a phonon?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildNeighbourList,
  conservedDrift,
  createRandom,
  crystal,
  type Evaluation,
  figure,
  type MdSample,
  massesOf,
  maxwellBoltzmann,
  type Potential,
  runMd,
  sitePositions,
  startMd,
  supercell,
  velocityVerlet,
} from 'nearsight';

const CUTOFF = 5.4;
const ONSET = 4;
/** Lennard-Jones with ε = 0.05 eV, σ = 3.4 Å: energy and slope. */
function lennardJones(r: number): [number, number] {
  const s6 = (3.4 / r) ** 6;
  return [0.2 * (s6 * s6 - s6), (0.2 * (-12 * s6 * s6 + 6 * s6)) / r];
}
/** 1 at the onset, 0 at the cutoff, with two vanishing derivatives at both ends. */
function quintic(r: number): [number, number] {
  const u = Math.min(1, Math.max(0, (r - ONSET) / (CUTOFF - ONSET)));
  return [1 - u ** 3 * (10 - 15 * u + 6 * u * u), (-30 * (u * (1 - u)) ** 2) / (CUTOFF - ONSET)];
}
const atCutoff = lennardJones(CUTOFF)[0];
const ways: Record<string, (r: number) => [number, number]> = {
  sharp: lennardJones,
  shifted: (r) => [lennardJones(r)[0] - atCutoff, lennardJones(r)[1]],
  switched: (r) => {
    const [e, slope] = lennardJones(r);
    const [s, ds] = quintic(r);
    return [e * s, slope * s + e * ds];
  },
};

/** A pair potential: each atom has half of the energy of its pairs, and each pair is met from both ends. */
function pairPotential(name: string, pair: (r: number) => [number, number]): Potential {
  return {
    name,
    cutoff: CUTOFF,
    elements: [18],
    evaluate(structure, list = buildNeighbourList(structure, CUTOFF)): Evaluation {
      const sites = sitePositions(list, structure);
      const atomicEnergies = new Float64Array(structure.numbers.length);
      const forces = new Float64Array(structure.positions.length);
      const strainGradient = new Float64Array(9);
      for (let i = 0; i < atomicEnergies.length; i++) {
        for (const s of list.neighbours.subarray(list.first[i], list.first[i + 1])) {
          const d = [0, 1, 2].map((a) => sites[3 * s + a] - sites[3 * i + a]);
          const r = Math.hypot(...d);
          if (r >= CUTOFF) continue;
          const [energy, slope] = pair(r);
          atomicEnergies[i] += energy / 2;
          for (let a = 0; a < 3; a++) {
            forces[3 * i + a] += (slope * d[a]) / r;
            for (let b = 0; b < 3; b++) strainGradient[3 * a + b] += (0.5 * slope * d[a] * d[b]) / r;
          }
        }
      }
      return { energy: atomicEnergies.reduce((sum, e) => sum + e, 0), atomicEnergies, forces, strainGradient };
    },
  };
}

const argon = supercell(crystal('fcc', ['Ar'], 5.4), [3, 3, 3]);
const masses = massesOf(argon);
const velocities = maxwellBoltzmann(masses, 150, createRandom(1), { exact: true });
const series: { name: string; x: number[]; y: number[]; mark: 'line' }[] = [];
for (const [name, pair] of Object.entries(ways)) {
  const [energy, slope] = pair(CUTOFF - 1e-9);
  const potential = pairPotential(name, pair);
  const samples: MdSample[] = [];
  const run = runMd(startMd(argon, potential, { velocities }), potential, {
    integrator: velocityVerlet(4),
    steps: 400,
    every: 4,
  });
  for await (const sample of run) samples.push(sample);
  const { drift_meV_per_atom_per_ps: drift, largest_jump_meV_per_atom: jump } = conservedDrift(samples, masses.length);
  console.log(
    `${name.padEnd(9)} at the cutoff E jumps by ${(1000 * Math.abs(energy)).toFixed(2)} meV, F by ${(1000 * Math.abs(slope)).toFixed(2)} meV/Å;` +
      ` in dynamics: drift ${drift.toFixed(3)} meV/atom/ps, largest jump ${jump.toFixed(3)} meV/atom`,
  );
  const first = samples[0].conservedEnergy;
  const y = samples.map((sample) => (1000 * (sample.conservedEnergy - first)) / masses.length);
  series.push({ name, x: samples.map(({ time }) => time / 1000), y, mark: 'line' });
}

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Energy that should be conserved',
  x: { label: 'time, ps' },
  y: { label: 'change of the total energy, meV/atom' },
  series,
});
writeFileSync(join(folder, '03-switching.svg'), svg);
