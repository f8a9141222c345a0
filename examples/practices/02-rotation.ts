/**
 * Practice 2: space has no preferred place and no preferred direction.
 *
 * Turn a crystal, shift it, mirror it: the energy must stay, and the forces must turn along (F → R F). A small potential
 * is trained on the silicon data that come with nearsight, which takes a second or two; its descriptor is invariant by
 * construction. Beside it stands a model that "learns" from raw coordinates, as one would feed a picture to a network.
 *
 *   node scripts/run.mjs examples/practices/02-rotation.ts [FOLDER]
 *
 * Look at: an invariant model is not better at rotations because it has seen many; it can't do otherwise.
 * Try: the coordinates model on a rotated copy of a training frame with the *same* label. How many rotated copies would
 * it take to teach it?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, figure, finish, potentialOf, rotated, rotationMatrix, translated } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining } from 'nearsight/node';

const path = fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT));
const { frames } = await readDataset(path);
const out = join(tmpdir(), `practice-2-${process.pid}.safetensors`);
const { model } = await finish(runTraining({ data: [path], out, epochs: 15, threads: 1 }));
const potential = potentialOf(model, await createEngine(1));

/** −Σ w·r over the coordinates, with arbitrary weights: as good as any model of raw coordinates for this purpose. */
const random = createRandom(1);
const weights = Float64Array.from({ length: 24 }, () => 0.01 * random.normal());
const naive = (positions: Float64Array): number => positions.reduce((sum, x, c) => sum + weights[c] * x, 0);

const { structure } = frames.find(({ group }) => group.startsWith('rattle'))!;
const start = potential.evaluate(structure);
const axis = [1, 2, 3].map((x) => x / Math.sqrt(14)) as [number, number, number];
const angles = Array.from({ length: 37 }, (_, k) => 10 * k);
const learned: number[] = [];
const raw: number[] = [];
let worstForce = 0;
for (const angle of angles) {
  const R = rotationMatrix(axis, (angle * Math.PI) / 180);
  const turned = translated(rotated(structure, R), [0.3, -1.2, 0.7]);
  const { energy, forces } = potential.evaluate(turned);
  learned.push((1000 * (energy - start.energy)) / 8);
  raw.push((1000 * (naive(turned.positions) - naive(structure.positions))) / 8);
  for (let i = 0; i < forces.length; i++) {
    const [row, atom] = [i % 3, 3 * Math.floor(i / 3)];
    const expected = [0, 1, 2].reduce((sum, a) => sum + R[3 * row + a] * start.forces[atom + a], 0);
    worstForce = Math.max(worstForce, Math.abs(forces[i] - expected));
  }
}
console.log(
  `invariant model: energy changes by at most ${Math.max(...learned.map(Math.abs)).toExponential(1)} meV/atom,`,
);
console.log(`                 forces turn along to within ${worstForce.toExponential(1)} eV/Å (single precision)`);
console.log(`coordinates:     energy changes by up to ${Math.max(...raw.map(Math.abs)).toFixed(0)} meV/atom`);
potential.close();

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'The same crystal, turned',
  x: { label: 'angle, degrees' },
  y: { label: 'change of energy, meV/atom' },
  series: [
    { name: 'raw coordinates', x: angles, y: raw, mark: 'line' },
    { name: 'invariant descriptor', x: angles, y: learned, mark: 'line' },
  ],
});
writeFileSync(join(folder, '02-rotation.svg'), svg);
