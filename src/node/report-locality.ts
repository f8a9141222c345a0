/** How far atoms feel each other, for the report. */
import { NearsightError } from '../errors.ts';
import type { LoadedPotential } from '../model/index.ts';
import type { FeltFromOutside, LocalityReport } from '../report/index.ts';
import { cellHeights, type Structure, supercell } from '../structure/index.ts';
import {
  ballOf,
  type CheckResult,
  fitDecay,
  INSULATOR,
  localityOf,
  METAL,
  type OutsideForce,
  outsideForceOfBall,
} from '../validation/index.ts';

/** Å. */
const RADII = [4, 5, 6, 7, 8, 9, 10, 11, 12] as const;
const BALL = 20;
const DRAWS = 20;
/** More atoms than this take long: then spheres are smaller. */
const MOST_ATOMS = 1500;
/** A fit needs as many radii. */
const LEAST_RADII = 4;

/**
 * The decay of forces in an insulator of bare charges and in a metal of screened ones, by the potential in a crystal
 * where one is known, and what the check `locality` learned from the labels.
 */
export async function localityReport(
  potential: LoadedPotential,
  crystal: Structure | null,
  checks: readonly CheckResult[],
): Promise<LocalityReport> {
  const known = [
    { ...INSULATOR, kind: 'insulator' as const },
    { ...METAL, kind: 'metal' as const },
  ].map((of) => feltFrom(of.name, of.kind, outsideForceOfBall(ballOf(of, BALL), { radii: RADII, draws: DRAWS })));
  const own = crystal === null ? null : await ownDecay(potential, crystal);
  const check = checks.find(({ id }) => id === 'locality');
  const curve = check?.curves?.[0];
  return {
    cutoff: potential.cutoff,
    outside: own === null ? known : [...known, own],
    ...(curve !== undefined && {
      data: { radius: curve.x, error: curve.y.map((meV) => meV / 1000), verdict: verdictIn(check?.reason ?? '') },
    }),
  };
}

function feltFrom(name: string, kind: FeltFromOutside['kind'], curve: readonly OutsideForce[]): FeltFromOutside {
  const radius = curve.map((one) => one.radius);
  const decay = kind === 'potential' ? null : fitDecay(curve);
  return { name, kind, radius, sigma: curve.map(({ sigma }) => sigma), ...(decay !== null && { decay }) };
}

/** Without a law: what a potential passes on ends at twice its cutoff. Null where no sphere fits a crystal of its size. */
async function ownDecay(potential: LoadedPotential, crystal: Structure): Promise<FeltFromOutside | null> {
  for (let radii = RADII.filter((radius) => radius < 2 * potential.cutoff); radii.length >= LEAST_RADII; radii.pop()) {
    const wide = 2 * radii[radii.length - 1] + 0.1;
    const repeats = [...cellHeights(crystal.cell)].map((height) => Math.ceil(wide / height));
    if (crystal.numbers.length * repeats.reduce((p, q) => p * q, 1) > MOST_ATOMS) continue;
    try {
      const { curve } = await localityOf(potential, supercell(crystal, repeats), { radii, draws: DRAWS });
      return feltFrom('this potential, in its crystal of lowest energy', 'potential', curve);
    } catch (error) {
      // A potential may refuse what lies far from its training.
      if (error instanceof NearsightError) return null;
      throw error;
    }
  }
  return null;
}

/** The check says its cutoff first; the section has said that. */
const verdictIn = (reason: string): string => reason.replace(/^cutoff [^ ]+ Å\. /, '');
