/**
 * Practice 10: teaching a model what it does not know by construction.
 *
 * A model with a force head of its own (practice 5) may push a whole crystal. A penalty on the net force in the loss
 * tells it not to. Four weights of the penalty, the same short training otherwise, on the silicon data.
 *
 *   node scripts/run.mjs examples/practices/10-penalties.ts [FOLDER]
 *
 * Look at: how much net force goes, and what that costs: a little penalty even helps, much of it hurts. The net force
 * gets small, never zero: a penalty is advice, an energy with a gradient is a law.
 * Try: the same with a gradient model. The penalty does nothing: why?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, figure, finish, potentialOf, splitByGroup } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const all = await readDataset(fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT)));
const { train, heldOut } = splitByGroup(all, 0.25, createRandom(1));
const test = Array.from(heldOut, (k) => all.frames[k]);
const data = join(tmpdir(), `practice-10-${process.pid}.extxyz`);
await writeFrames(
  data,
  Array.from(train, (k) => all.frames[k]),
);
const kernel = await createEngine(1);

const weights = [0, 10, 100, 1000];
const rows: { net: number; error: number }[] = [];
for (const netForce of weights) {
  const out = join(tmpdir(), `practice-10-${process.pid}.safetensors`);
  const settings = { model: { directForces: true } as const, loss: { netForce } };
  const { model } = await finish(runTraining({ data: [data], out, epochs: 120, threads: 1, settings }));
  const potential = potentialOf(model, kernel);
  let [square, components, netSquare] = [0, 0, 0];
  for (const { structure, labels } of test) {
    const { forces } = potential.evaluate(structure);
    const net = [0, 0, 0];
    for (const [c, f] of forces.entries()) {
      square += (f - labels.forces![c]) ** 2;
      net[c % 3] += f;
    }
    components += forces.length;
    netSquare += net.reduce((sum, f) => sum + f * f, 0) / test.length;
  }
  potential.close();
  rows.push({ net: 1000 * Math.sqrt(netSquare), error: 1000 * Math.sqrt(square / components) });
  const { net, error } = rows[rows.length - 1];
  console.log(
    `weight ${String(netForce).padStart(4)}: net force ${net.toFixed(0).padStart(5)} meV/Å of 8 atoms, force error ${error.toFixed(0)} meV/Å`,
  );
}

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'A penalty on the net force',
  x: { label: 'force error, meV/Å' },
  y: { label: 'net force of a cell, meV/Å', log: true },
  series: weights.map((weight, k) => ({
    name: `weight ${weight}`,
    x: [rows[k].error],
    y: [rows[k].net],
    mark: 'dots' as const,
  })),
});
writeFileSync(join(folder, '10-penalties.svg'), svg);
