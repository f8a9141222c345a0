/**
 * What a model pays for knowing many elements: node scripts/run.mjs bench/elements.ts [--atoms 256] [--markdown].
 * Structures are the same for every number of elements S: a dense random packing, occupied at random by 2 elements, and
 * by as many as the model knows, up to 16. Measured on one thread: µs of CPU time per atom of an evaluation (energy, forces, stress)
 * and of a training step (fold, gradient, unfold, optimiser; 8 structures of an eighth of the atoms), parameters, kernel
 * weights and size of the model file. All S are interleaved; the least of the rounds counts. Prints JSON, or a table.
 */
import { createRandom, createStructure, encodeModel, symbolOf } from 'nearsight';
import { createEngine, PACKAGE_ROOT } from 'nearsight/node';

const from = (path: string): string => new URL(`dist/${path}.js`, PACKAGE_ROOT).href;
const { train } = (await import(from('training/trainer'))) as typeof import('../src/training/trainer.ts');
const { prepareFrames } = (await import(from('training/prepare'))) as typeof import('../src/training/prepare.ts');
const { DEFAULT_TRAINING, SOLID_MODEL } = (await import(
  from('training/settings')
)) as typeof import('../src/training/settings.ts');
const { loadModel, foldedWeights } = (await import(from('model/model'))) as typeof import('../src/model/model.ts');
type Model = import('../src/model/model.ts').Model;
type Frame = import('../src/data/dataset.ts').Frame;
type TrainingFrame = import('../src/training/prepare.ts').TrainingFrame;

const KNOWN = [1, 2, 4, 8, 16, 32, 64, 85];
const MOST_HELD = 16;
/** Some 55 neighbours within 5 Å, as in a close-packed metal. */
const VOLUME = 9.5;
const ROUNDS = 12;
const STEPS = 15;

const args = process.argv.slice(2);
const at = args.indexOf('--atoms');
const atoms = at < 0 ? 256 : Number(args[at + 1]);

/** Positions nowhere nearer than 1.7 Å; the same for all numbers of elements. */
function packing(count: number, seed: number): { positions: number[]; cell: number[] } {
  const random = createRandom(seed);
  const side = Math.cbrt(VOLUME * count);
  const positions: number[][] = [];
  while (positions.length < count) {
    const r = [0, 1, 2].map(() => side * random.uniform());
    const near = positions.some(
      (q) => Math.hypot(...r.map((x, c) => x - q[c] - side * Math.round((x - q[c]) / side))) < 1.7,
    );
    if (!near) positions.push(r);
  }
  return { positions: positions.flat(), cell: [side, 0, 0, 0, side, 0, 0, 0, side] };
}

function framesOf(elements: readonly number[], held: number, sizes: readonly number[]): Frame[] {
  return sizes.map((size, k) => {
    const { positions, cell } = packing(size, 11 + k);
    const random = createRandom(5 + k);
    const symbols = Array.from({ length: size }, () => symbolOf(elements[random.below(held)]));
    const structure = createStructure(symbols, positions, cell);
    const labels = {
      energy: -5 * size + random.normal(),
      forces: Float64Array.from({ length: 3 * size }, () => random.normal()),
    };
    return { structure, labels, group: '', info: {}, index: k } as unknown as Frame;
  });
}

const use = { energy: true, forces: true, stress: false };
const kernel = await createEngine(1);

interface Case {
  readonly known: number;
  readonly held: number;
  readonly elements: readonly number[];
  readonly model: Model;
  readonly batch: readonly TrainingFrame[];
  readonly large: TrainingFrame;
  evaluate: number;
  step: number;
}

async function caseOf(known: number, held: number): Promise<Case> {
  const elements = Array.from({ length: known }, (_, s) => s + 1);
  const prepared = (sizes: readonly number[]): TrainingFrame[] =>
    prepareFrames(framesOf(elements, held, sizes), elements, SOLID_MODEL.cutoff, { source: 'bench', use });
  const batch = prepared(Array(8).fill(atoms / 8));
  const run = train(input(elements, batch, 1));
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  const [large] = prepared([atoms]);
  return { known, held, elements, model: step.value.model, batch, large, evaluate: Infinity, step: Infinity };
}

function input(
  elements: readonly number[],
  batch: readonly TrainingFrame[],
  epochs: number,
): Parameters<typeof train>[0] {
  const settings = { ...DEFAULT_TRAINING, model: SOLID_MODEL, epochs };
  return { kernel, elements, train: batch, validation: [], settings };
}

/** µs of this process so far. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** One round: µs per atom of an evaluation and of a training step; the least so far is kept. */
async function round(one: Case): Promise<void> {
  const engine = loadModel(one.model, kernel);
  engine.evaluate(one.large.system);
  const began = cpu();
  for (let n = 0; n < STEPS; n++) engine.evaluate(one.large.system);
  one.evaluate = Math.min(one.evaluate, (cpu() - began) / STEPS / atoms);
  engine.close();
  // One step is one epoch here: the batch is all there is.
  const run = train(input(one.elements, one.batch, 3 * STEPS));
  for (let n = 0; n < 3; n++) await run.next();
  const start = cpu();
  for (let n = 0; n < STEPS; n++) await run.next();
  one.step = Math.min(one.step, (cpu() - start) / STEPS / atoms);
  await run.return(undefined as never);
}

const cases: Case[] = [];
for (const known of KNOWN) {
  for (const held of [...new Set([Math.min(2, known), Math.min(known, MOST_HELD)])])
    cases.push(await caseOf(known, held));
}
for (let n = 0; n < ROUNDS; n++) {
  process.stderr.write(`round ${n + 1} of ${ROUNDS}\n`);
  for (const one of cases) await round(one);
}

const fileBytes = (model: Model): number =>
  encodeModel({
    model,
    parts: { repulsion: null },
    settings: {},
    provenance: {
      nearsightVersion: '',
      dataset: [],
      split: { description: '', train: 1, validation: 0 },
      seed: 1,
      epochs: 1,
      errors: { train: null, validation: null },
    },
    calibration: null,
    validation: null,
    domain: null,
    noise: null,
  }).length;

const edges = cases[0].large.system.neighbours.length / atoms;
const rows = cases.map(({ known, held, model, evaluate, step }) => ({
  elements_known: known,
  elements_held: held,
  evaluate_us_per_atom: evaluate,
  training_step_us_per_atom: step,
  parameters: model.parameters.length,
  kernel_weights: foldedWeights(model).length,
  file_kB: fileBytes(model) / 1000,
}));
if (args.includes('--markdown')) {
  const head =
    '| elements known | elements held | evaluation, µs/atom | training step, µs/atom | parameters | file, kB |';
  const lines = rows.map((r) => {
    const times = [r.evaluate_us_per_atom, r.training_step_us_per_atom].map((t) => t.toFixed(2));
    return `| ${[r.elements_known, r.elements_held, ...times, r.parameters, r.file_kB.toFixed(0)].join(' | ')} |`;
  });
  process.stdout.write(`${[head, '|---|---|---|---|---|---|', ...lines].join('\n')}\n`);
} else process.stdout.write(`${JSON.stringify({ atoms, neighbours: edges, threads: 1, rows }, null, 2)}\n`);
process.exit(0);
