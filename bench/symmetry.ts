/**
 * Symmetry functions, fast kernel and reference kernel in turns: energies and forces, and a training step, of thermal
 * silicon and copper. 8 radial functions and 24 narrow ones (3 η, λ = ±1, ζ = 1, 2, 4, 16), network 32–32, quintic
 * cutoff. Prints one JSON document: processor time of one thread, µs per atom, medians over the rounds.
 *   node scripts/run.mjs bench/symmetry.ts [--rounds 9] [--markdown]
 */
import {
  buildNeighbourList,
  createRandom,
  createReferenceKernel,
  createSimdKernel,
  crystal,
  type Kernel,
  rattled,
  type Structure,
  supercell,
} from 'nearsight';

const args = process.argv.slice(2);
const rounds = args.includes('--rounds') ? Number(args[args.indexOf('--rounds') + 1]) : 9;

/** Standard deviation of a coordinate, Å: silicon at 300 K. */
const THERMAL = 0.08;
const HIDDEN = [32, 32] as const;
const ETAS = [0.004, 0.02, 0.06];
const ZETAS = [1, 2, 4, 16];
const RADIAL = [
  [0.05, 0],
  [0.1, 0],
  [0.2, 0],
  [0.4, 0],
  [1, 2],
  [1, 2.7],
  [1, 3.4],
  [1, 4.1],
];

type Shape = Parameters<Kernel['loadSymmetry']>[0];
type System = Parameters<ReturnType<Kernel['loadSymmetry']>['evaluate']>[0];

function shapeOf(cutoff: number): Shape {
  const radial = RADIAL.map(([eta, shift]) => ({ kind: 'radial', neighbour: 0, eta, shift, cutoff }) as const);
  const narrow = ETAS.flatMap((eta) =>
    ([1, -1] as const).flatMap((lambda) =>
      ZETAS.map((zeta) => ({ kind: 'narrow', neighbours: [0, 0], eta, shift: 0, cutoff, lambda, zeta }) as const),
    ),
  );
  return {
    ...{ species: 1, cutoff, cutoffKind: 'poly2', inner: 0, elementWeights: [1] },
    ...{ functions: [[...radial, ...narrow]], hidden: HIDDEN, activation: 'tanh', heads: 1 },
  };
}

/** Random weights; centres 0 and deviations 1 stand before them. */
function weightsOf(shape: Shape): Float64Array {
  const random = createRandom(1);
  const F = shape.functions[0].length;
  const [H1, H2] = shape.hidden;
  const network = F * H1 + H1 + H1 * H2 + H2 + H2 + 1;
  return Float64Array.from({ length: 2 * F + network }, (_, i) => (i < F ? 0 : i < 2 * F ? 1 : 0.1 * random.normal()));
}

function systemOf(structure: Structure, cutoff: number): System {
  const { first, neighbours, owner, shift } = buildNeighbourList(structure, cutoff);
  const sites = Float64Array.from({ length: shift.length }, (_, c) => {
    const [s, axis] = [Math.floor(c / 3), c % 3];
    const image = [0, 1, 2].reduce((sum, a) => sum + shift[3 * s + a] * structure.cell[3 * a + axis], 0);
    return structure.positions[3 * owner[s] + axis] + image;
  });
  return { atoms: structure.numbers.length, sites, species: new Int32Array(owner.length), owner, first, neighbours };
}

const structureOf = (element: string, repeats: number): Structure => {
  const cell = element === 'Si' ? crystal('diamond', ['Si'], 5.431) : crystal('fcc', ['Cu'], 3.615);
  return rattled(supercell(cell, [repeats, repeats, repeats]), THERMAL, createRandom(1));
};

/** Pairs of neighbours for each atom, and those among them nearer than the cutoff to each other. */
function countTriplets(
  { atoms, sites, first, neighbours }: System,
  cutoff: number,
): { pairs: number; triplets: number } {
  const distance = (a: number, b: number): number =>
    Math.hypot(...[0, 1, 2].map((c) => sites[3 * a + c] - sites[3 * b + c]));
  let [pairs, triplets] = [0, 0];
  for (let i = 0; i < atoms; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      for (let q = p + 1; q < first[i + 1]; q++) {
        pairs++;
        if (distance(neighbours[p], neighbours[q]) < cutoff) triplets++;
      }
    }
  }
  return { pairs: pairs / atoms, triplets: triplets / atoms };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

interface Task {
  readonly id: string;
  readonly atoms: number;
  readonly run: () => unknown;
}

function tasksOf(kernel: Kernel, id: string, system: System, cutoff: number): { tasks: Task[]; close: () => void } {
  const shape = shapeOf(cutoff);
  const weights = weightsOf(shape);
  const model = kernel.loadSymmetry(shape, weights);
  const labels = { energy: 0, forces: new Float64Array(3 * system.atoms), strainGradient: new Float64Array(9) };
  const term = { system: model.add({ ...system, ...labels }), head: 0, energy: 1, forces: 1, strain: 0 };
  const gradient = new Float64Array(weights.length);
  const { atoms } = system;
  const tasks = [
    { id: `evaluate-${id}`, atoms, run: () => model.evaluate(system) },
    { id: `train-${id}`, atoms, run: () => model.accumulate([term], gradient) },
  ];
  return { tasks, close: () => model.close() };
}

/** Work of so many atoms at least makes a measurement. */
const LEAST_ATOMS = 2000;

function measure({ atoms, run }: Task, reference: boolean): number {
  const repeats = reference ? 1 : Math.ceil(LEAST_ATOMS / atoms);
  const before = process.cpuUsage();
  for (let n = 0; n < repeats; n++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (atoms * repeats);
}

const fast = await createSimdKernel();
const slow = createReferenceKernel();
const cases: Record<string, string | number>[] = [];
for (const [element, cutoff] of [
  ['Si', 5],
  ['Si', 6],
  ['Cu', 5],
  ['Cu', 6],
] as const) {
  const large = systemOf(structureOf(element, element === 'Si' ? 5 : 6), cutoff);
  const small = systemOf(structureOf(element, element === 'Si' ? 1 : 2), cutoff);
  const beds = [tasksOf(fast, 'fast', large, cutoff), tasksOf(slow, 'reference', small, cutoff)];
  const tasks = beds.flatMap((bed) => bed.tasks);
  const times = new Map(tasks.map((task): [string, number[]] => [task.id, []]));
  for (const task of tasks) measure(task, task.id.endsWith('reference'));
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`\r${element} ${cutoff} Å: round ${round + 1} of ${rounds} `);
    for (const task of tasks) times.get(task.id)!.push(measure(task, task.id.endsWith('reference')));
  }
  for (const bed of beds) bed.close();
  const of = (id: string): number => median(times.get(id)!);
  cases.push({
    element,
    cutoff_A: cutoff,
    atoms: large.atoms,
    ...Object.fromEntries(Object.entries(countTriplets(small, cutoff)).map(([key, n]) => [`${key}_per_atom`, n])),
    evaluate_us_per_atom: of('evaluate-fast'),
    train_us_per_atom: of('train-fast'),
    reference_evaluate_us_per_atom: of('evaluate-reference'),
    reference_train_us_per_atom: of('train-reference'),
    fast_over_reference: of('evaluate-fast') / of('evaluate-reference'),
  });
}
process.stderr.write('\n');
if (args.includes('--markdown')) {
  const columns = Object.keys(cases[0]);
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(row(columns) + row(columns.map(() => '---')));
  for (const entry of cases) {
    process.stdout.write(
      row(columns.map((key) => (typeof entry[key] === 'number' ? +entry[key].toPrecision(3) : entry[key]))),
    );
  }
} else {
  process.stdout.write(`${JSON.stringify({ rounds, node: process.versions.node, cases }, null, 2)}\n`);
}
