/**
 * The training domain where the truth is known: node scripts/run.mjs bench/domain.ts [--seconds 30] [--trials 200]
 * [--only melt] [--markdown]. Models are trained on one kind of structures and asked about another: the area under the
 * ROC curve (AUROC) of the farthest atom, and of the mean over atoms, structures like the training ones that were held out against
 * those that are not; shares of either that are called outside. Then crystals in motion at 300 K with one atom displaced by
 * 0.3 … 1 Å in a random direction, or of another element: how often it is the one that is named. Prints one JSON
 * document, or tables. Data are read from ../shared/data.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  atomicNumberOf,
  createRandom,
  createStructure,
  crystal,
  type Frame,
  langevin,
  massesOf,
  maxwellBoltzmann,
  NearsightError,
  type Potential,
  potentialOf,
  type Random,
  runMd,
  type Structure,
  splitByGroup,
  startMd,
  supercell,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const load = <T>(file: string): Promise<T> => import(new URL(`dist/${file}`, PACKAGE_ROOT).href) as Promise<T>;
const { measureDomain, openDomain } = await load<typeof import('../src/uncertainty/index.ts')>('uncertainty/index.js');
type Domain = import('../src/uncertainty/index.ts').Domain;

const args = process.argv.slice(2);
const markdown = args.includes('--markdown');
const option = <T extends string | number>(name: string, fallback: T): T => {
  const at = args.indexOf(name);
  if (at < 0) return fallback;
  return (typeof fallback === 'number' ? Number(args[at + 1]) : args[at + 1]) as T;
};
const [seconds, trials, only] = [option('--seconds', 30), option('--trials', 200), option('--only', '')];

const DATA = new URL('../shared/data/', PACKAGE_ROOT);
if (!existsSync(DATA)) {
  process.stderr.write('no ../shared/data beside the project: nothing to do\n');
  process.exit(0);
}
const read = async (file: string): Promise<readonly Frame[]> =>
  (await readDataset(new URL(file, DATA).pathname)).frames;

async function finished<T>(work: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

interface Known {
  readonly domain: Domain;
  readonly potential: Potential;
  /** Like the training frames, and not among them. */
  readonly heldOut: readonly Frame[];
  readonly measured: { readonly milliseconds: number; readonly kB: number };
}

/** A model of some frames and its domain. */
async function learn(name: string, frames: readonly Frame[]): Promise<Known> {
  const [path, out] = ['extxyz', 'safetensors'].map((end) => join(tmpdir(), `nearsight-${process.pid}-${name}.${end}`));
  await writeFrames(path, frames);
  const { model } = await finished(runTraining({ data: [path], out, seconds }));
  process.stderr.write(`${name}: trained on ${frames.length} frames\n`);
  const split = splitByGroup({ frames }, 0.1, createRandom(1));
  const sourced = (indices: ArrayLike<number>) =>
    Array.from(indices, (index) => ({ frame: frames[index], source: `${name}.extxyz` }));
  const kernel = await createEngine(1);
  const began = performance.now();
  const attachment = measureDomain(model, kernel, { train: sourced(split.train), heldOut: sourced(split.heldOut) })!;
  const milliseconds = performance.now() - began;
  const bytes = Object.values(attachment.tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  const potential = potentialOf(model, kernel);
  return {
    ...{ domain: openDomain(attachment, potential)!, potential },
    heldOut: Array.from(split.heldOut, (index) => frames[index]),
    measured: { milliseconds, kB: bytes / 1024 },
  };
}

/** Chance that one of `high` is above one of `low`. */
function auroc(high: readonly number[], low: readonly number[]): number {
  let wins = 0;
  for (const h of high) for (const l of low) wins += h > l ? 1 : h === l ? 0.5 : 0;
  return wins / (high.length * low.length);
}

const rootMeanSquare = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

const detections: object[] = [];
const localisations: object[] = [];

/** How well structures that are not like the training ones are told from those that are. */
function detect(
  question: string,
  { domain, measured }: Known,
  { like, unlike }: { readonly like: readonly Frame[]; readonly unlike: readonly Frame[] },
): void {
  const scoresOf = (frames: readonly Frame[]) =>
    frames.map(({ structure }) => {
      const distances = domain.distances(structure);
      const farthest = Math.max(...distances);
      const quick = Math.max(...domain.quick(structure));
      return {
        farthest,
        mean: rootMeanSquare(distances),
        quick,
        outside: farthest > domain.limitFor(distances.length),
      };
    });
  const [high, low] = [scoresOf(unlike), scoresOf(like)];
  const area = (score: 'farthest' | 'mean' | 'quick'): number =>
    auroc(
      high.map((one) => one[score]),
      low.map((one) => one[score]),
    );
  const share = (scores: readonly { readonly outside: boolean }[]): number =>
    scores.filter(({ outside }) => outside).length / scores.length;
  const row = {
    ...{ question, like: low.length, unlike: high.length },
    auroc_farthest: area('farthest'),
    auroc_mean: area('mean'),
    auroc_mahalanobis: area('quick'),
    called_outside: share(high),
    falsely_outside: share(low),
    example: domain.verdict(unlike[0].structure).sentence,
    ...measured,
  };
  detections.push(row);
  process.stderr.write(`${JSON.stringify(row)}\n`);
}

/** Snapshots of a crystal in motion at 300 K, with the potential itself. */
async function snapshots(structure: Structure, potential: Potential, seed: number): Promise<Structure[]> {
  const random = createRandom(seed);
  const velocities = maxwellBoltzmann(massesOf(structure), 600, random);
  const integrator = langevin(2, { temperature: 300, friction: 0.02, random });
  const found: Structure[] = [];
  const state = startMd(structure, potential, { velocities });
  for await (const { time } of runMd(state, potential, { integrator, steps: 6000, every: 250 })) {
    if (time >= 1000) found.push({ ...structure, positions: state.structure.positions.slice() });
  }
  return found;
}

function direction(random: Random): number[] {
  for (;;) {
    const v = [0, 1, 2].map(() => 2 * random.uniform() - 1);
    const length = Math.hypot(...v);
    if (length > 0.1 && length < 1) return v.map((x) => x / length);
  }
}

/** How often the one atom that was displaced, or made `foreign`, is named. */
function localise(question: string, { domain }: Known, thermal: readonly Structure[], foreign?: string): void {
  const random = createRandom(77);
  const found = { named: 0, farthest: 0, outside: 0 };
  const missed: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const base = thermal[random.below(thermal.length)];
    const atom = random.below(base.numbers.length);
    const [numbers, positions] = [base.numbers.slice(), base.positions.slice()];
    const shift = 0.3 + 0.7 * random.uniform();
    if (foreign === undefined) for (const [c, v] of direction(random).entries()) positions[3 * atom + c] += shift * v;
    else numbers[atom] = atomicNumberOf(foreign);
    const verdict = domain.verdict({ ...base, numbers, positions });
    if (verdict.centre.atom === atom) found.named++;
    else missed.push(Number(shift.toFixed(2)));
    if (verdict.farthest.atom === atom) found.farthest++;
    if (!verdict.inside) found.outside++;
  }
  const share = (n: number): number => n / trials;
  const quiet = thermal.filter((structure) => domain.verdict(structure).inside).length / thermal.length;
  const row = {
    ...{ question, trials },
    named_first: share(found.named),
    farthest_atom: share(found.farthest),
    called_outside: share(found.outside),
    untouched_inside: quiet,
    ...(foreign === undefined && { missed_displacements_A: missed }),
  };
  localisations.push(row);
  process.stderr.write(`${JSON.stringify(row)}\n`);
}

const temperatureOf = ({ info }: Frame): number => Number(/at (\d+) ?K/.exec(String(info.description ?? ''))?.[1] ?? 0);

/** Silicon with few neighbours: a dimer, a single atom, a trimer, and expanded crystals. */
function sparse(): Frame[] {
  const few = [[2.3, 0, 0], [], [2.3, 0, 0, 0, 2.3, 0]].map((others) => {
    const positions = [0, 0, 0, ...others];
    return createStructure(new Array<string>(positions.length / 3).fill('Si'), positions);
  });
  const crystals = [7, 8, 9, 12].map((a) => supercell(crystal('diamond', ['Si'], a), [2, 2, 2]));
  return [...few, ...crystals].map(
    (structure, index): Frame => ({ structure, labels: {}, group: '', info: {}, arrays: {}, line: 1, index }),
  );
}

/** Silicon, crystal and melt. Temperatures of frames with a vacancy are exchanged in that set: they are left out. */
async function melt(): Promise<void> {
  const frames = await read('mlearn/Si_train.extxyz.gz');
  const bulk = frames.filter(({ group }) => group === 'AIMD-NVT' || group === 'Elastic');
  const isCrystal = (frame: Frame): boolean => temperatureOf(frame) < 1687;
  const known = await learn('silicon-crystal', bulk.filter(isCrystal));
  const test = (await read('mlearn/Si_test.extxyz.gz')).filter(
    ({ group }) => group === 'AIMD-NVT' || group === 'Elastic',
  );
  const like = [...known.heldOut, ...test.filter(isCrystal)];
  const liquid = [...bulk, ...test].filter((frame) => !isCrystal(frame));
  detect('silicon: crystals up to 1518 K, asked about the melt (2530, 3374 K)', known, { like, unlike: liquid });
  const gap = await read('silicon_gap/si_testing.extxyz.gz');
  const amorphous = gap.filter(({ group }) => group === 'aSi');
  detect('the same, asked about amorphous silicon', known, { like, unlike: amorphous });
  const thermal = await snapshots(supercell(crystal('diamond', ['Si'], 5.47), [2, 2, 2]), known.potential, 3);
  localise('silicon of crystals only, one atom displaced', known, thermal);
  const everything = await learn('silicon', frames);
  const defects = gap.filter(({ group }) => group !== 'aSi');
  const inDomain = [...everything.heldOut, ...(await read('mlearn/Si_test.extxyz.gz'))];
  detect('silicon with surfaces, vacancies and melt, asked about faults and interstitials', everything, {
    ...{ like: inDomain, unlike: defects },
  });
  detect('the same, asked about a single atom, two, three, and crystals expanded to 7 … 12 Å', everything, {
    ...{ like: inDomain, unlike: sparse() },
  });
  localise('the same, one atom displaced', everything, thermal);
}

async function water(): Promise<void> {
  const own = [
    ...(await read('own/molecules-mf/water-gfn2.extxyz')),
    ...(await read('own/molecules-mf/ethanol-gfn2.extxyz')),
  ];
  const [carbonates, test] = [
    await read('solvent_xtb/train_200.extxyz.gz'),
    await read('solvent_xtb/test_250.extxyz.gz'),
  ];
  const known = await learn('water-ethanol', own);
  detect('water and ethanol, asked about carbonates', known, { like: known.heldOut, unlike: test });
  const electrolyte = await learn('carbonates', carbonates);
  const ofWater = own.filter(({ structure }) => !structure.numbers.includes(6));
  detect('carbonates, asked about water', electrolyte, { like: test, unlike: ofWater });
  const ethanol = own.filter(({ structure }) => structure.numbers.includes(6));
  detect('carbonates, asked about ethanol', electrolyte, { like: test, unlike: ethanol });
  try {
    electrolyte.domain.verdict(createStructure(['Au', 'Au'], [0, 0, 0, 2.8, 0, 0]));
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    detections.push({ question: 'carbonates, asked about gold', refused: error.code, example: error.message });
  }
}

async function metals(): Promise<void> {
  const train = (await read('nbmotaw/train.extxyz.gz')).filter(
    ({ structure }) => new Set(structure.numbers).size === 1,
  );
  const known = await learn(
    'elements',
    train.filter(({ group }, k) => group === 'Surface' || k % 4 === 0),
  );
  const bcc = supercell(crystal('bcc', ['Mo'], 3.168), [3, 3, 3]);
  const thermal = await snapshots(bcc, known.potential, 4);
  localise('molybdenum (with Nb, Ta and W known as elements), one atom displaced', known, thermal);
  localise('the same, one atom replaced by tungsten', known, thermal, 'W');
  localise('the same, one atom replaced by niobium', known, thermal, 'Nb');
}

const parts: Record<string, () => Promise<void>> = { melt, water, metals };
for (const [name, part] of Object.entries(parts)) if (only === '' || only === name) await part();

type Row = Record<string, unknown>;
const number = (value: unknown, digits = 3): string => (typeof value === 'number' ? value.toFixed(digits) : '');
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
if (markdown) {
  const first = (detections as Row[]).map((row) => [
    String(row.question),
    ...[row.auroc_farthest, row.auroc_mean, row.auroc_mahalanobis].map((v) => number(v, 4)),
    row.refused === undefined ? number(row.called_outside) : 'refused',
    number(row.falsely_outside),
  ]);
  const second = (localisations as Row[]).map((row) => [
    String(row.question),
    ...[row.named_first, row.farthest_atom, row.called_outside, row.untouched_inside].map((v) => number(v)),
  ]);
  const heads = ['trained on, asked about', 'AUROC, farthest atom', 'mean', 'Mahalanobis', 'called outside', 'falsely'];
  process.stdout.write(`${table(heads, first)}\n\n`);
  process.stdout.write(
    `${table(['one atom in a crystal at 300 K', 'named first', 'farthest', 'called outside', 'untouched: inside'], second)}\n`,
  );
} else process.stdout.write(`${JSON.stringify({ seconds, detections, localisations }, null, 2)}\n`);
process.exit(0);
