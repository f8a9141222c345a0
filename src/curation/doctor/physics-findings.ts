/** Distances, forces and energies that matter does not have. */
import type { Frame } from '../../data/dataset.ts';
import { symbolOf } from '../../elements.ts';
import { type CompositionFit, fitComposition } from './composition-fit.ts';
import type { FrameFacts } from './facts.ts';
import { type Finding, finding, indicesWhere, share, worst } from './finding.ts';
import { findZeroed, type ZeroedForces } from './zeroed.ts';

/** Contacts below this share of the sum of covalent radii do not occur in matter. */
const IMPOSSIBLE_RATIO = 0.5;
/** Nothing is bound as tightly as this: H₂ is 0.74 Å long. */
const IMPOSSIBLE_DISTANCE = 0.6;
/** Net force per atom that rounding does not explain, and that shows in a model, eV/Å. */
const NET_FORCE = 5e-5;
const LARGE_NET_FORCE = 1e-3;
/** No model needs larger forces, eV/Å. */
const HUGE_FORCE = 100;
/** An energy is an outlier beyond so many robust deviations, and beyond this many eV/atom in any case. */
const OUTLIER = 10;
const LEAST_OUTLIER = 1;

/** @param sound frames without defects whose energies can be compared with each other */
export function physicsFindings(
  frames: readonly Frame[],
  facts: readonly FrameFacts[],
  sound: readonly boolean[],
): (Finding | null)[] {
  return [
    impossibleDistance(frames, facts),
    hugeForce(facts),
    zeroedForces(frames, findZeroed(frames, facts)),
    netForce(facts),
    energyOutliers(frames, sound),
  ];
}

function impossibleDistance(frames: readonly Frame[], facts: readonly FrameFacts[]): Finding | null {
  const ratio = (index: number): number => facts[index].contacts?.tightest.ratio ?? Number.POSITIVE_INFINITY;
  const shortest = (index: number): number => facts[index].contacts?.nearest.distance ?? Number.POSITIVE_INFINITY;
  const close = indicesWhere(
    frames.length,
    (index) => ratio(index) < IMPOSSIBLE_RATIO || shortest(index) < IMPOSSIBLE_DISTANCE,
  );
  const tightest = worst(close, (index) => -ratio(index));
  const contact = facts[tightest]?.contacts?.tightest;
  if (contact === undefined) return null;
  const [i, j] = contact.atoms;
  const { distance } = contact;
  const symbol = (atom: number): string => symbolOf(frames[tightest].structure.numbers[atom]);
  return finding(
    { code: 'impossible-distance', severity: 'warning' },
    close,
    {
      message: `${share(close, frames.length)} have atoms impossibly close to each other (half the sum of their covalent radii, or 0.6 Å); in frame ${tightest} atoms ${i} (${symbol(i)}) and ${j} (${symbol(j)}) are ${distance.toFixed(2)} Å apart`,
      hint: 'are positions and cell in Å, and do they belong together? Keep such frames only if they are meant to teach repulsion',
      evidence: { distance_A: distance },
    },
    tightest,
  );
}

function hugeForce(facts: readonly FrameFacts[]): Finding | null {
  const largest = (index: number): number => facts[index].forces?.largest ?? 0;
  const huge = indicesWhere(facts.length, (index) => largest(index) > HUGE_FORCE);
  if (huge.length === 0) return null;
  const most = worst(huge, largest);
  return finding(
    { code: 'huge-force', severity: 'warning' },
    huge,
    {
      message: `${share(huge, facts.length)} have forces above ${HUGE_FORCE} eV/Å, frame ${most} up to ${largest(most).toFixed(0)} eV/Å`,
      hint: 'such frames outweigh all others in a fit: leave them out, or check the unit of the forces',
      evidence: { force_eV_per_A: largest(most) },
    },
    most,
  );
}

/** Forces are taken away from frames with zeroed ones only where most frames keep theirs. */
export const MOST_ZEROED = 0.5;

function zeroedForces(frames: readonly Frame[], { frames: zeroed, atoms }: ZeroedForces): Finding | null {
  if (zeroed.length === 0) return null;
  const all = indicesWhere(frames.length, (index) => frames[index].labels.forces !== undefined).length;
  const fixable = zeroed.length <= MOST_ZEROED * all;
  return finding({ code: 'zeroed-forces', severity: 'error' }, zeroed, {
    message: `${atoms} atoms of ${share(zeroed, frames.length)} have a force of exactly zero that no symmetry asks for: held by constraints, or not computed`,
    hint: fixable
      ? 'zero would be learnt as the truth: compute them again without constraints, or leave the forces of these frames out'
      : 'zero would be learnt as the truth: compute them again without constraints; leaving the forces of these frames out would leave too few',
    evidence: { atoms, frames: zeroed.length },
    fixable,
  });
}

function netForce(facts: readonly FrameFacts[]): Finding | null {
  const net = (index: number): number => facts[index].forces?.netPerAtom ?? 0;
  const pushed = indicesWhere(facts.length, (index) => net(index) > NET_FORCE);
  if (pushed.length === 0) return null;
  const most = worst(pushed, net);
  const severity = net(most) > LARGE_NET_FORCE ? 'warning' : 'note';
  return finding(
    { code: 'net-force', severity },
    pushed,
    {
      message: `in ${share(pushed, facts.length)} the forces do not sum to zero, by up to ${(1000 * net(most)).toPrecision(2)} meV/Å per atom (frame ${most})`,
      hint: 'no model can follow a net force; tighten convergence or grids, and leave frames with fixed atoms or outer fields out',
      evidence: { net_force_eV_per_A_per_atom: net(most) },
    },
    most,
  );
}

function energyOutliers(frames: readonly Frame[], sound: readonly boolean[]): Finding | null {
  const fit: CompositionFit | null = fitComposition(frames.filter((_, index) => sound[index]));
  if (fit === null) return null;
  const indices = indicesWhere(frames.length, (index) => sound[index]);
  const distance = new Map(indices.map((index, k) => [index, fit.residuals[k] - fit.centre]));
  const off = (index: number): number => Math.abs(distance.get(index) ?? 0);
  const limit = Math.max(LEAST_OUTLIER, OUTLIER * fit.spread);
  const outliers = indices.filter((index) => frames[index].structure.numbers.length > 1 && off(index) > limit);
  if (outliers.length === 0) return null;
  const most = worst(outliers, off);
  const far = distance.get(most) ?? 0;
  return finding(
    { code: 'energy-outlier', severity: 'warning' },
    outliers,
    {
      message: `the energies of ${share(outliers, frames.length)} are more than ${limit.toPrecision(2)} eV/atom from what their composition explains; frame ${most} lies ${Math.abs(far).toPrecision(2)} eV/atom ${far > 0 ? 'above' : 'below'} it`,
      hint: 'an unconverged calculation, another reference energy, or atoms pressed together: look at these frames first',
      evidence: { distance_eV_per_atom: far },
    },
    most,
  );
}
