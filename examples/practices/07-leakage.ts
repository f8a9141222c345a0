/**
 * Practice 7: an exam whose answers are known beforehand.
 *
 * Ten training frames, hardly shaken (0.0003 Å) and turned, are smuggled into a test set of silicon. In coordinates they
 * look new. In the whitened space of the descriptor (Mahalanobis distance, the unit being how training environments
 * vary) they sit on top of their originals. The threshold comes from distances *within* the training set.
 *
 *   node scripts/run.mjs examples/practices/07-leakage.ts [FOLDER]
 *
 * Look at: twins are found though no coordinate agrees; honest frames are left alone.
 * Try: shake them by 0.05 Å. When does a copy become a frame of its own?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom, figure, findLeakage, finish, rattled, rotated, rotationMatrix } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset } from 'nearsight/node';

const path = fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT));
const frames = (await readDataset(path)).frames.filter(
  ({ group }) => group.startsWith('rattle') || group === 'random_strain',
);
const random = createRandom(1);
const order = random.permutation(frames.length);
const test = Array.from(order.subarray(0, 15), (k) => frames[k]);
const train = Array.from(order.subarray(15), (k) => frames[k]);
const R = rotationMatrix([0.6, 0, 0.8], 1);
const twins = train.slice(0, 10).map((frame) => ({
  ...frame,
  info: {},
  structure: rotated(rattled(frame.structure, 3e-4, random), R),
}));

const { threshold, flagged, distances } = await finish(
  findLeakage({ frames: train }, { frames: [...test, ...twins] }, { kernel: await createEngine(1) }),
);
// Frames of one trajectory are flagged too, for what they are; here it is about copies.
const copies = flagged.filter(({ reason }) => reason === 'twin');
const found = copies.filter(({ frame }) => frame >= test.length).length;
console.log(
  `threshold ${threshold.value.toFixed(3)}: ${found} of ${twins.length} twins found, ${copies.length - found} of ${test.length} honest frames flagged`,
);

const indices = [...distances.keys()];
const [honest, smuggled] = [indices.filter((k) => k < test.length), indices.filter((k) => k >= test.length)];
const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Distance of test frames to the training set',
  x: { label: 'test frame' },
  y: { label: 'Mahalanobis distance', log: true },
  series: [
    { name: 'honest', x: honest, y: honest.map((k) => distances[k]), mark: 'dots' },
    { name: 'smuggled in', x: smuggled, y: smuggled.map((k) => distances[k]), mark: 'dots' },
    { name: 'threshold', x: [0, distances.length - 1], y: [threshold.value, threshold.value], mark: 'line' },
  ],
});
writeFileSync(join(folder, '07-leakage.svg'), svg);
