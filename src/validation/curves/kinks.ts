import { giveTurn } from '../../md/progress.ts';
import type { Potential } from '../../model/potential.ts';
import type { Check, Finding } from '../check.ts';
import { worstOf } from '../probe.ts';
import { anglePaths, dimerPaths, type Path, type Scan, scan, scanAt, stretchPaths } from './paths.ts';

/** Distance of the points, Å, at first; the places that look worst are looked at again with these. */
const STEP = 0.02;
const FINER = [0.01, 0.005, 0.0025, 0.00125];
const LOOKED_AT = 2;
/** A jump stands out from its surroundings so often; rounding is everywhere the same. */
const STANDS_OUT = 4;
/** With more curves than this, only the worst place of each. */
const MANY_CURVES = 20;
/** Smaller ones at first sight are none. */
const SUSPICIOUS = 0.02;
/** Points of either side that a slope is continued from. */
const SIDE = 4;
/** What is higher above the separate atoms, or deeper below them, is for the checks of the wall, eV. */
const REACHED = 5;
/** Curvatures below this count as this one, eV/Å²: a tenth of the stiffness of a bond. */
const STIFFNESS = 1;

export const curveKinks: Check = {
  id: 'curve-kinks',
  group: 'curves',
  question: 'Is the second derivative of the energy of two and three atoms free of jumps?',
  unit: 'share of the stiffness',
  limit: { double: 0.05, single: 0.1 },
  limitReason:
    'Jump of d²E/dx² between cubic continuations of the force from both sides, over the largest stiffness near by ' +
    '(1 eV/Å² at least), as far as the energy is within 5 eV of that of the separate atoms. Where it seems to jump on ' +
    'a grid of 0.02 Å, finer ones down to 0.00125 Å are asked: smooth curves leave less than 0.01, rounding 0.02 in ' +
    'single precision, and a true jump stays. One of 5 % of a stiffness shows in phonons.',
  source: 'Phonons and elastic constants are second derivatives; Verlet’s error has the third one in it.',
  async run(context) {
    const findings: Finding[] = [];
    const paths = [...dimerPaths(context), ...stretchPaths(context), ...anglePaths(context)];
    const places = paths.length > MANY_CURVES ? 1 : LOOKED_AT;
    for (const path of paths) {
      findings.push(kinkOf(context.potential, path, places));
      await giveTurn();
    }
    return worstOf(findings);
  },
};

function kinkOf(potential: Potential, path: Path, most: number): Finding {
  const places: Jump[] = [];
  for (const jump of jumpsOf(scan(potential, path, STEP)).sort((a, b) => shareOf(b) - shareOf(a))) {
    if (Number.isNaN(jump.size)) return { value: Number.NaN, detail: path.name };
    if (places.length === most) break;
    if (places.every(({ at }) => Math.abs(at - jump.at) > 2 * SIDE * STEP)) places.push(jump);
  }
  const findings = places.map(
    (place): Finding => ({
      value: shareOf(place) < SUSPICIOUS ? shareOf(place) : lasting(potential, path, place) / place.stiffness,
      detail: `${path.name} at ${path.shown(place.at).toFixed(2)} (${path.label})`,
    }),
  );
  return findings.length === 0 ? { value: 0, detail: path.name } : worstOf(findings);
}

/** A jump of dF/dx and the largest |dF/dx| near by, both in eV/Å². */
interface Jump {
  readonly at: number;
  readonly size: number;
  readonly stiffness: number;
}

const shareOf = ({ size, stiffness }: Jump): number => size / stiffness;

/**
 * What is left of a jump on finer grids, eV/Å². What only is steep falls with the distance h of the points, in
 * proportion to it where the third derivative jumps; so that the line through sizes over h says what remains at h = 0.
 * A single grid may see a true jump askew, up to twice as large.
 */
function lasting(potential: Potential, path: Path, place: Jump): number {
  const sizes: number[] = [];
  let coarser = { at: place.at, step: STEP };
  for (const step of FINER) {
    const here = largestNear(potential, path, coarser, step);
    // Nothing there is within reach, or rounding is all that shows.
    if (here === null || here.size < STANDS_OUT * here.around) return 0;
    sizes.push(here.size);
    coarser = { at: here.at, step };
  }
  return Math.max(0, Math.min(place.size, ...sizes, atZero(FINER, sizes)));
}

/** Value at 0 of the straight line that fits best. */
function atZero(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const slope = mean(x.map((v, k) => (v - mx) * (y[k] - my))) / mean(x.map((v) => (v - mx) ** 2));
  return my - slope * mx;
}

/**
 * The largest jump that a finer grid shows where a coarser one showed one, and the median of all there; null where it
 * has no room.
 */
function largestNear(
  potential: Potential,
  path: Path,
  { at, step: coarse }: { readonly at: number; readonly step: number },
  step: number,
): (Jump & { readonly around: number }) | null {
  const reach = SIDE * (coarse + step);
  const x = Array.from({ length: Math.floor((2 * reach) / step) }, (_, k) => at - reach + (k + 0.5) * step);
  const inside = x.filter((place) => place >= path.from && place <= path.to);
  const jumps = jumpsOf(scanAt(potential, path, inside)).sort((a, b) => b.size - a.size);
  return jumps.length === 0 ? null : { ...jumps[0], around: jumps[Math.floor(jumps.length / 2)].size };
}

/** Between any two points with enough others on both sides: by how much the two sides disagree on dF/dx. */
function jumpsOf({ x, energy, slope }: Scan): Jump[] {
  const jumps: Jump[] = [];
  const h = x[1] - x[0];
  for (let k = SIDE - 1; k + SIDE < slope.length; k++) {
    if (Math.abs(energy[k - SIDE + 1]) > REACHED || Math.abs(energy[k + SIDE]) > REACHED) continue;
    const inside = derivativeBeyond([slope[k], slope[k - 1], slope[k - 2], slope[k - 3]], -h);
    const outside = derivativeBeyond([slope[k + 1], slope[k + 2], slope[k + 3], slope[k + 4]], h);
    let stiffness = STIFFNESS;
    for (let j = k - SIDE + 1; j < k + SIDE; j++)
      stiffness = Math.max(stiffness, Math.abs(slope[j + 1] - slope[j]) / h);
    jumps.push({ size: Math.abs(outside - inside), stiffness, at: (x[k] + x[k + 1]) / 2 });
  }
  return jumps;
}

/** Derivative at 0 of the cubic through four points at h/2, 3h/2, 5h/2 and 7h/2. */
function derivativeBeyond([a, b, c, d]: readonly number[], h: number): number {
  return (-71 * a + 141 * b - 93 * c + 23 * d) / (24 * h);
}
