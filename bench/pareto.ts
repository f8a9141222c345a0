/**
 * A front of models on mlearn silicon: how many are not dominated, what it costs, and what the chosen one gains on the
 * test set. Prints one JSON document, or a table with --markdown.
 * node scripts/run.mjs bench/pareto.ts [--epochs 583] [--points 12] [--seed 1] [--element Si] [--markdown]
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateFrames, type Frame, potentialOf } from 'nearsight';
import { createEngine, type FrontDocument, PACKAGE_ROOT, readDataset, readModel, runPareto } from 'nearsight/node';

const args = process.argv.slice(2);
const option = (name: string, fallback: string): string => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : args.splice(at, 2)[1];
};
const epochs = Number(option('--epochs', '583'));
const stops = Number(option('--points', '12'));
const seed = Number(option('--seed', '1'));
const element = option('--element', 'Si');
const markdown = args.includes('--markdown');

const DATA = new URL('../shared/data/mlearn/', PACKAGE_ROOT).pathname;
const [training, testing] = ['train', 'test'].map((part) => join(DATA, `${element}_${part}.extxyz.gz`));
if (!existsSync(training) || !existsSync(testing)) {
  process.stderr.write(`no ${element}_train and ${element}_test in ${DATA}: nothing measured\n`);
  process.exit(1);
}

interface Errors {
  readonly energy_mae_meV_per_atom: number | null;
  readonly force_mae_meV_per_A: number | null;
  readonly stress_mae_GPa: number | null;
}

async function errors(path: string, frames: readonly Frame[]): Promise<Errors> {
  const potential = potentialOf(await readModel(path), await createEngine());
  const run = evaluateFrames(potential, frames);
  let next = await run.next();
  while (next.done !== true) next = await run.next();
  potential.close();
  const { energy_mae_meV_per_atom, force_mae_meV_per_A, stress_mae_GPa } = next.value.overall;
  return { energy_mae_meV_per_atom, force_mae_meV_per_A, stress_mae_GPa };
}

const folder = mkdtempSync(join(tmpdir(), 'nearsight-front-'));
try {
  const run = runPareto({ training: { data: [training], epochs, settings: { seed } }, folder, stops, date: '' });
  let step = await run.next();
  for (; step.done !== true; step = await run.next()) {
    if (step.value.point !== undefined) process.stderr.write(`${step.value.point.name} of ${stops}\n`);
  }
  const front = step.value;
  const { frames } = await readDataset(testing);
  const tests: Errors[] = [];
  for (const { model } of front.points) tests.push(await errors(join(folder, model), frames));
  const document = { element, seed, epochs, ...summary(front, tests) };
  process.stdout.write(markdown ? table(front, tests) : `${JSON.stringify(document, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

function summary(front: FrontDocument, tests: readonly Errors[]): object {
  const chosen = front.points.findIndex(({ name }) => name === front.chosen);
  const change = (key: keyof Errors): number | null =>
    chosen < 0 ? null : Number((100 * (tests[chosen][key]! / tests[0][key]! - 1)).toFixed(1));
  return {
    non_dominated: front.points.filter(({ dominated }) => !dominated).length,
    time_ratio: front.time_ratio,
    hypervolume: front.hypervolume,
    reference: front.reference,
    need: front.need,
    chosen: front.chosen,
    test: {
      default: tests[0],
      chosen: tests[chosen] ?? null,
      energy_change_percent: change('energy_mae_meV_per_atom'),
      force_change_percent: change('force_mae_meV_per_A'),
      stress_change_percent: change('stress_mae_GPa'),
    },
    points: front.points.map((point, k) => ({ ...point, test: tests[k] })),
  };
}

function table(front: FrontDocument, tests: readonly Errors[]): string {
  const show = (value: number | null): string => (value === null ? '–' : value.toPrecision(3));
  const cells = (e: Errors): string[] => [e.energy_mae_meV_per_atom, e.force_mae_meV_per_A, e.stress_mae_GPa].map(show);
  const rows = front.points.map((point, k) => {
    const { energy, forces, stress } = point.weights;
    const marks = [
      ...(point.dominated ? ['dominated'] : []),
      ...(point.name === front.knee ? ['knee'] : []),
      ...(point.name === front.chosen ? ['chosen'] : []),
    ];
    const weights = [energy, forces, stress].map((w) => String(Number(w.toPrecision(2)))).join(' : ');
    return `| ${[point.name, weights, ...cells(point), ...cells(tests[k]), marks.join(', ')].join(' | ')} |`;
  });
  return `| model | weights E : F : S | E | F | S | E test | F test | S test | |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}
