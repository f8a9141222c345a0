/**
 * Which frames come from one trajectory: by what the file calls them, by the order of the file, and by where the atoms
 * are. Pure geometry and text; costs grow in proportion to the number of atoms.
 */
import { periodicCell } from '../structure/cell.ts';
import { determinant3, inverse3, multiply3, rowsTimes3 } from '../structure/matrix3.ts';
import { type Components, createComponents, joinEqual } from './components.ts';
import type { Frame } from './dataset.ts';

/** With more frames than this of the same atoms, each is compared with its predecessors and with one of each run only. */
const COMPARE_ALL = 300;
const PREDECESSORS = 8;
const MOST_ANCHORS = 64;
/** Chance of sites agreeing by accident, as a logarithm: one in 10¹⁷ pairs. */
const BY_CHANCE = -40;
/** A cell may change by less than its atoms move: times this, for the strain across one interatomic distance. */
const CELL_SHARE = 3;
/** Neighbouring frames of a molecule's trajectory differ by less than this share of what distant frames differ by. */
const CONTINUOUS = 0.25;

/**
 * The trajectory of each frame: a number, from 0 in the order of their first frames; frames of no trajectory have one
 * for themselves.
 *
 * - Tags decide where both frames have one: `traj_id`, `run` and their sisters, or a text such as "Snapshot 3 of 20 of
 *   AIMD at 300 K" without its counter, in the same group and with the same composition.
 * - Else periodic frames of the same atoms in the same order, in the same group, belong together when their atoms
 *   remember their sites: the displacements from one frame to the other, u in fractions of the cell without their mean,
 *   are so short that among n uniformly distributed ones the like has a chance of π^(n/2)/Γ(n/2+1) · |u|ⁿ < e⁻⁴⁰. The
 *   cell must be the same, or have changed by less than the atoms moved: a strain scan, whose atoms do not move at all,
 *   is no trajectory. Runs of one solid that started from the same sites are not told apart. A liquid whose atoms have
 *   long since left their sites is not recognised.
 * - Molecules always remember their bonds: of frames without a cell, only neighbours in a file are compared.
 *
 * @param files frames by file; neighbours in a file are neighbours in time until proven otherwise
 */
export function trajectoriesOf(files: readonly (readonly Frame[])[]): Int32Array {
  const frames = files.flat();
  const components = createComponents(frames.length);
  const tags = frames.map(tagOf);
  joinEqual(
    components,
    tags.map((tag) => (tag === '' ? null : tag)),
  );
  const fileOf = files.flatMap((file, k) => file.map(() => k));
  for (const members of classesOf(frames).values()) {
    if (members.length < 2) continue;
    if (frames[members[0]].structure.pbc.some((repeats) => repeats)) joinBySites(components, frames, members, tags);
    else joinMolecules(components, frames, members, { tags, fileOf });
  }
  return components.labels();
}

/** How many frames of `heldOut` come from trajectories that `train` has frames of. */
export function sharedTrajectories(train: readonly Frame[], heldOut: readonly Frame[]): number {
  const labels = trajectoriesOf([train, heldOut]);
  const seen = new Set(labels.subarray(0, train.length));
  return labels.subarray(train.length).filter((label) => seen.has(label)).length;
}

const RUN_KEY = /(^|_)(traj(ectory)?|run)(_?(id|name))?$/i;
const COUNTER = /\b(snapshot|frame|step|image)\s*[#:]?\s*\d+(\s*(of|\/)\s*\d+)?/i;

/** Name of the trajectory: an entry such as traj_id, or a text such as "Snapshot 3 of 20 of …" without its counter; or ''. */
export function runOf(frame: Frame): string {
  for (const [key, value] of Object.entries(frame.info)) {
    if (RUN_KEY.test(key)) return `${key}=${value}`;
    if (typeof value === 'string' && COUNTER.test(value)) return `${key}=${value.replace(COUNTER, '')}`;
  }
  return '';
}

/** The run, the group and the composition; '' where the file names no run. */
function tagOf(frame: Frame): string {
  const run = runOf(frame);
  if (run === '') return '';
  return JSON.stringify([run, frame.group, frame.structure.numbers.toSorted().join(' ')]);
}

/** Frames with the same atoms in the same order, in the order of the files. */
function classesOf(frames: readonly Frame[]): Map<string, number[]> {
  const classes = new Map<string, number[]>();
  for (const [index, { structure }] of frames.entries()) {
    const key = `${structure.pbc} ${structure.numbers}`;
    const members = classes.get(key);
    if (members === undefined) classes.set(key, [index]);
    else members.push(index);
  }
  return classes;
}

/** Two tags decide by themselves. */
const undecided = (tags: readonly string[], a: number, b: number): boolean => tags[a] === '' || tags[b] === '';

const sameGroup = (a: Frame, b: Frame): boolean => a.group === b.group || a.group === '' || b.group === '';

/** Where the atoms of a frame are in its cell, and the same as points on the unit circle, along what repeats. */
interface Sites {
  readonly frame: Frame;
  readonly cell: Float64Array;
  readonly inverse: Float64Array;
  /** [3N] each. */
  readonly fractional: Float64Array;
  readonly cosine: Float64Array;
  readonly sine: Float64Array;
}

function sitesOf(frame: Frame): Sites {
  const cell = periodicCell(frame.structure);
  const inverse = inverse3(cell);
  const fractional = rowsTimes3(frame.structure.positions, inverse);
  return {
    ...{ frame, cell, inverse, fractional },
    cosine: fractional.map((x) => Math.cos(2 * Math.PI * x)),
    sine: fractional.map((x) => Math.sin(2 * Math.PI * x)),
  };
}

function joinBySites(
  components: Components,
  frames: readonly Frame[],
  members: readonly number[],
  tags: readonly string[],
): void {
  if (members.every((index) => tags[index] !== '')) return;
  const all = members.length <= COMPARE_ALL;
  // Sites are kept as long as anything is compared with them.
  const sites = new Map<number, Sites>();
  let anchors: number[] = [];
  for (let b = 0; b < members.length; b++) {
    const mine = sitesOf(frames[members[b]]);
    const candidates = all ? [...sites.keys()] : [...new Set([...anchors, ...recent(b)])];
    let joined = false;
    for (const a of candidates) {
      const other = sites.get(a);
      if (components.together(members[a], members[b])) joined = true;
      else if (other && undecided(tags, members[a], members[b]) && rememberSites(other, mine)) {
        components.join(members[a], members[b]);
        joined = true;
      }
    }
    if (!joined) anchors = [...anchors, b].slice(-MOST_ANCHORS);
    sites.set(b, mine);
    if (!all) for (const a of candidates) if (a <= b - PREDECESSORS && !anchors.includes(a)) sites.delete(a);
  }
}

const recent = (b: number): number[] =>
  Array.from({ length: Math.min(b, PREDECESSORS) }, (_, k) => b - Math.min(b, PREDECESSORS) + k);

/** Whether the atoms of b are still about the sites that they had in a. */
function rememberSites(a: Sites, b: Sites): boolean {
  if (!sameGroup(a.frame, b.frame)) return false;
  const { pbc, numbers } = a.frame.structure;
  const atoms = numbers.length;
  const strain = largestStrain(a, b);
  if (strain > 0.1) return false;
  let square = 0;
  let moved = 0;
  let axes = 0;
  for (let k = 0; k < 3; k++) {
    if (!pbc[k]) continue;
    axes++;
    const drift = meanShift(a, b, k);
    const length = Math.hypot(a.cell[3 * k], a.cell[3 * k + 1], a.cell[3 * k + 2]);
    let sum = 0;
    for (let c = k; c < a.fractional.length; c += 3) {
      const u = b.fractional[c] - a.fractional[c] - drift;
      sum += (u - Math.round(u)) ** 2;
    }
    square += sum;
    moved += (sum * length * length) / atoms;
  }
  const spacing = Math.cbrt(Math.abs(determinant3(a.cell)) / atoms);
  // Cells are written with six digits or so.
  if (CELL_SHARE * strain * spacing > Math.max(Math.sqrt(moved), 1e-4)) return false;
  const n = axes * (atoms - 1);
  return n > 0 && logBallVolume(n) + (n / 2) * Math.log(Math.max(square, 1e-300)) < BY_CHANCE;
}

/** Mean of fractional displacements along one axis, on the circle: right also where atoms were wrapped back. */
function meanShift(a: Sites, b: Sites, axis: number): number {
  let real = 0;
  let imaginary = 0;
  for (let c = axis; c < a.fractional.length; c += 3) {
    real += a.cosine[c] * b.cosine[c] + a.sine[c] * b.sine[c];
    imaginary += a.cosine[c] * b.sine[c] - a.sine[c] * b.cosine[c];
  }
  return Math.atan2(imaginary, real) / (2 * Math.PI);
}

/** Largest entry of A⁻¹B − 1: how far the cell of b is strained or turned against that of a. */
function largestStrain(a: Sites, b: Sites): number {
  const change = multiply3(a.inverse, b.cell);
  return change.reduce((most, x, k) => Math.max(most, Math.abs(x - (k % 4 === 0 ? 1 : 0))), 0);
}

/** Logarithm of the volume of the n-dimensional ball of radius 1, with Stirling's series for Γ(n/2 + 1). */
function logBallVolume(n: number): number {
  const x = n / 2 + 1;
  const logGamma = (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x);
  return (n / 2) * Math.log(Math.PI) - logGamma;
}

/** Neighbours in a file whose distances between atoms have hardly changed, compared with frames far apart in the file. */
function joinMolecules(
  components: Components,
  frames: readonly Frame[],
  members: readonly number[],
  { tags, fileOf }: { readonly tags: readonly string[]; readonly fileOf: readonly number[] },
): void {
  const distances = members.map((index) => someDistances(frames[index]));
  const far = members.map((_, k) => difference(distances[k], distances[(k + (members.length >> 1)) % members.length]));
  const usual = far.sort((p, q) => p - q)[far.length >> 1];
  for (let k = 1; k < members.length; k++) {
    const [a, b] = [members[k - 1], members[k]];
    if (fileOf[a] !== fileOf[b] || b !== a + 1 || !undecided(tags, a, b) || !sameGroup(frames[a], frames[b])) continue;
    if (difference(distances[k - 1], distances[k]) < CONTINUOUS * usual) components.join(a, b);
  }
}

/** From each atom to the atoms 1, 2, 4, 8 … further on in the list, Å. */
function someDistances({ structure: { positions, numbers } }: Frame): Float64Array {
  const atoms = numbers.length;
  const strides: number[] = [];
  for (let stride = 1; stride <= atoms / 2; stride *= 2) strides.push(stride);
  const distances = new Float64Array(atoms * strides.length);
  let d = 0;
  for (const stride of strides) {
    for (let i = 0; i < atoms; i++) {
      const [p, q] = [3 * i, 3 * ((i + stride) % atoms)];
      const [x, y, z] = [0, 1, 2].map((k) => positions[p + k] - positions[q + k]);
      distances[d++] = Math.sqrt(x * x + y * y + z * z);
    }
  }
  return distances;
}

/** Root of the mean squared difference. */
function difference(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) ** 2;
  return Math.sqrt(sum / Math.max(1, a.length));
}
