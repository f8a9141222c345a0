/**
 * Practice 5: an atom can't pull itself up by its own bootstraps.
 *
 * The forces on an isolated cluster sum to zero, and so do their torques. Forces that are the gradient of an invariant
 * energy obey by construction. Forces from a head of their own (cheaper, and fashionable) do not: two small potentials
 * are trained on the silicon data that come with nearsight, one of each kind, and asked about clusters.
 *
 *   node scripts/run.mjs examples/practices/05-force-balance.ts [FOLDER]
 *
 * Look at: what the direct model does to a cluster at rest. Its momentum grows by the net force every femtosecond.
 * Try: subtract the mean force from every atom. The net force is gone. Is the torque? Is the energy conserved now?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, createStructure, crystal, figure, finish, potentialOf, rattled } from 'nearsight';
import { createEngine, PACKAGE_ROOT, runTraining } from 'nearsight/node';

const path = fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT));
const kernel = await createEngine(1);
const cell = crystal('diamond', ['Si'], 5.47);

const series: { name: string; x: number[]; y: number[]; mark: 'dots' }[] = [];
for (const directForces of [false, true]) {
  const name = directForces ? 'direct head' : 'gradient';
  const out = join(tmpdir(), `practice-5-${process.pid}.safetensors`);
  const settings = directForces ? { model: { directForces } as const } : {};
  const { model } = await finish(runTraining({ data: [path], out, epochs: 40, threads: 1, settings }));
  const potential = potentialOf(model, kernel);
  const random = createRandom(1);
  const nets: number[] = [];
  const torques: number[] = [];
  for (let n = 0; n < 40; n++) {
    const cluster = rattled(createStructure(Array(8).fill('Si'), cell.positions), 0.1, random);
    const { forces } = potential.evaluate(cluster);
    const net = [0, 0, 0];
    const torque = [0, 0, 0];
    for (let c = 0; c < forces.length; c++) {
      const [a, atom] = [c % 3, c - (c % 3)];
      const [b, d] = [(a + 1) % 3, (a + 2) % 3];
      net[a] += forces[c];
      torque[a] += cluster.positions[atom + b] * forces[atom + d] - cluster.positions[atom + d] * forces[atom + b];
    }
    nets.push(Math.hypot(...net));
    torques.push(Math.hypot(...torque));
  }
  const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
  console.log(
    `${name.padEnd(12)} mean net force ${mean(nets).toExponential(1)} eV/Å, mean torque ${mean(torques).toExponential(1)} eV`,
  );
  series.push({ name, x: nets.map((_, k) => k + 1), y: nets.map((x) => Math.max(x, 1e-8)), mark: 'dots' });
  potential.close();
}

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Net force on clusters of eight atoms',
  x: { label: 'cluster' },
  y: { label: '|Σ F|, eV/Å', log: true },
  series,
});
writeFileSync(join(folder, '05-force-balance.svg'), svg);
