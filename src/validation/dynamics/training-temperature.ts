import type { Frame } from '../../data/dataset.ts';
import { cellVolume, toCartesian, toFractional } from '../../structure/cell.ts';
import { KB } from '../../units.ts';

/** Frames of one kind that it takes to call them a thermal sample. */
const LEAST_FRAMES = 5;
/** A frame is in motion when its forces are larger, root mean square, eV/Å. */
const IN_MOTION = 0.15;
/** Of the temperatures of single frames: their own fluctuation is left out of the highest ones. */
const HIGH = 0.9;
/** A solid melts when its atoms move by a tenth of their distance (Lindemann 1910); farther away than this, it has. */
const LINDEMANN = 0.2;
/** Cells that differ by more, of their edges, were strained: that takes energy, too. */
const STRAINED = 0.03;
/** K; no solid bears more (TaC and HfC melt at some 4,200 K). */
const HOTTEST_SOLID = 4200;
/** A temperature in words: "300K", "AIMD NVT simulation at 3374 K", "md_600K_1"; and a value of its own. */
const IN_WORDS = /(?:^|[^A-Za-z0-9.])(\d{2,5}(?:\.\d+)?) ?K(?![A-Za-z0-9-])/;
const IN_KEY = /^(?:temperature|temp|t)(?:[_ ]?k)?$/i;

export interface TrainingTemperature {
  /** K. */
  readonly temperature: number;
  /** Where it was found. */
  readonly group: string;
  readonly frames: number;
  /** Whether the frames say it, or their energies do. */
  readonly from: 'words' | 'energies';
}

/**
 * The highest temperature that labelled frames were drawn at, as their comments say it ("300 K", `temperature=300`),
 * where at least five frames of a group do. Else from equipartition: in a harmonic solid the potential energy lies
 * (3/2) k_B T per atom above its minimum on average. Frames count by group and composition; the minimum is the lowest
 * energy among all frames with the same atoms. Rough (a defect or a surface has energy without being hot, and a set
 * without its minimum looks too cold): good to tell 300 K from 1000 K. A melt has energy that is no heat: groups whose
 * atoms left their places, and those of strained cells, do not count. Null where no group is left that is in motion.
 */
export function trainingTemperature(frames: readonly Frame[]): TrainingTemperature | null {
  return hottest(samplesSaying(frames)) ?? hottest(samplesInMotion(frames));
}

/** Temperatures of the frames of one kind, K. */
interface Sample {
  readonly group: string;
  readonly from: TrainingTemperature['from'];
  readonly kelvins: readonly number[];
}

function hottest(samples: readonly Sample[]): TrainingTemperature | null {
  let found: TrainingTemperature | null = null;
  for (const { group, from, kelvins } of samples) {
    if (kelvins.length < LEAST_FRAMES) continue;
    const temperature = [...kelvins].sort((p, q) => p - q)[Math.floor(HIGH * (kelvins.length - 1))];
    if (temperature > (found?.temperature ?? 0)) found = { temperature, group, frames: kelvins.length, from };
  }
  return found;
}

function samplesSaying(frames: readonly Frame[]): Sample[] {
  const groups = new Map<string, number[]>();
  for (const frame of frames) {
    const kelvin = saidBy(frame);
    if (kelvin !== null) append(groups, frame.group, kelvin);
  }
  return [...groups].map(([group, kelvins]) => ({ group, from: 'words', kelvins }));
}

function saidBy({ group, info }: Frame): number | null {
  for (const [key, value] of Object.entries(info)) {
    if (typeof value === 'number' && IN_KEY.test(key) && value > 0) return value;
  }
  for (const text of [...Object.values(info), group]) {
    const found = typeof text === 'string' ? IN_WORDS.exec(text) : null;
    if (found !== null) return Number(found[1]);
  }
  return null;
}

function samplesInMotion(frames: readonly Frame[]): Sample[] {
  const lowest = new Map<string, number>();
  const groups = new Map<string, Frame[]>();
  for (const frame of frames) {
    const { energy, forces } = frame.labels;
    if (energy === undefined) continue;
    const atoms = compositionOf(frame);
    lowest.set(atoms, Math.min(lowest.get(atoms) ?? Number.POSITIVE_INFINITY, energy));
    if (rootMeanSquare(forces) > IN_MOTION) append(groups, `${frame.group} ${atoms}`, frame);
  }
  return [...groups.values()].filter(keepPlaces).flatMap((own) => {
    const minimum = lowest.get(compositionOf(own[0]))!;
    const kelvins = own.map(
      ({ labels, structure }) => (labels.energy! - minimum) / (1.5 * KB * structure.numbers.length),
    );
    const sample: Sample = { group: own[0].group, from: 'energies', kelvins };
    return hottest([sample])!.temperature > HOTTEST_SOLID ? [] : [sample];
  });
}

/**
 * Whether the atoms of frames with the same atoms stay where they are, up to a motion of all; true of what is not
 * periodic: a molecule turns, and holds together.
 */
function keepPlaces(frames: readonly Frame[]): boolean {
  if (frames.length < LEAST_FRAMES) return false;
  if (!frames.every(({ structure }) => structure.pbc.every((repeats) => repeats))) return true;
  const { cell } = frames[0].structure;
  const most = STRAINED * Math.cbrt(cellVolume(cell));
  if (frames.some(({ structure }) => structure.cell.some((x, k) => Math.abs(x - cell[k]) > most))) return false;
  const fractional = frames.map(({ structure }) => toFractional(structure.positions, structure.cell));
  const atoms = frames[0].structure.numbers.length;
  const away = frames.map(({ structure }, k) => {
    const steps = fractional[k].map((x, c) => x - fractional[0][c] - Math.round(x - fractional[0][c]));
    const drift = [0, 1, 2].map((axis) => mean(steps.filter((_, c) => c % 3 === axis)));
    return toCartesian(
      steps.map((step, c) => step - drift[c % 3]),
      structure.cell,
    );
  });
  const places = fractional[0].map((_, c) => mean(away.map((own) => own[c])));
  const square = 3 * mean(away.map((own) => mean(own.map((d, c) => (d - places[c]) ** 2))));
  const spacing = Math.cbrt(cellVolume(cell) / atoms);
  return Math.sqrt(square) <= LINDEMANN * spacing;
}

function append<T>(to: Map<string, T[]>, key: string, value: T): void {
  const own = to.get(key);
  if (own === undefined) to.set(key, [value]);
  else own.push(value);
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** The atoms of a frame, in numbers: cells of one size are compared with each other only. */
const compositionOf = ({ structure }: Frame): string => [...structure.numbers].sort((p, q) => p - q).join(' ');

const rootMeanSquare = (forces: Float64Array | undefined): number =>
  forces === undefined ? 0 : Math.sqrt(mean(forces.map((f) => f * f)));
