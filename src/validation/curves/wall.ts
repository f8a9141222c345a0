import type { Check, CheckContext, Finding } from '../check.ts';
import { worstOf } from '../probe.ts';
import { anglePaths, curveOf, dimerPaths, INNERMOST, type Path, type Scan, scanAll, stretchPaths } from './paths.ts';

/** Distance of the points, Å: of trimers there are many. */
const DIMER_STEP = 0.03;
const TRIMER_STEP = 0.05;
/** What the innermost point must be above everything further out, eV. */
const HEIGHT = 1;

const LIMIT: Pick<Check, 'unit' | 'limit' | 'limitReason'> = {
  unit: 'eV',
  limit: { double: 0, single: 0 },
  limitReason:
    `What the energy at ${INNERMOST} × the sum of the covalent radii lacks to be ${HEIGHT} eV above every point ` +
    'further out. Bonds are no shorter than 0.6 × that sum; 1 eV is 8 kT at 1,500 K. Where the energy falls again ' +
    'inside, atoms that get so far by a collision or a bad start are lost in a hole.',
};

export const dimerWall: Check = {
  id: 'dimer-wall',
  group: 'curves',
  question: 'Do two atoms of each pair of elements repel each other at short distance, without a hole?',
  ...LIMIT,
  source: 'Pauli repulsion; Ziegler, Biersack & Littmark 1985, ISBN 0-08-021603-X: it only grows inwards.',
  run: (context) => wallsOf(context, dimerPaths(context), DIMER_STEP),
};

export const trimerWall: Check = {
  id: 'trimer-wall',
  group: 'curves',
  question: 'Do three atoms resist when both bonds are shortened, and when the angle is closed?',
  ...LIMIT,
  source: 'Pauli repulsion, as for two atoms: terms of three bodies must not undo it.',
  run: (context) => wallsOf(context, [...stretchPaths(context), ...anglePaths(context)], TRIMER_STEP),
};

async function wallsOf(context: CheckContext, paths: readonly Path[], step: number): Promise<Finding> {
  const scans = await scanAll(context, paths, step);
  const findings = scans.map(wallOf);
  const { value, detail } = worstOf(findings);
  const broken = findings.filter((finding) => !(finding.value <= 0)).length;
  // Trimers are many: those are shown that have something to show.
  const shown = scans.filter((_, k) => paths.length <= 12 || !(findings[k].value <= 0));
  return {
    value,
    detail: `${detail}${broken > 1 ? `; ${broken} of ${scans.length} curves` : ''}`,
    curves: shown.map(curveOf),
  };
}

/** By how much the innermost energy of a curve is too low. */
function wallOf({ path, x, energy }: Scan): Finding {
  const further = energy.slice(1);
  const highest = worstOf(further.map((value) => ({ value }))).value;
  const inner = energy[0];
  const value = Number.isNaN(inner) ? inner : Math.max(0, highest + HEIGHT - inner);
  const where = path.shown(x[1 + further.indexOf(highest)]).toFixed(2);
  const unit = path.label.split(', ')[1];
  const end = `${inner.toPrecision(3)} eV at ${path.shown(x[0]).toFixed(2)} ${unit}`;
  const detail = value <= 0 ? end : `${end} after ${highest.toPrecision(3)} eV at ${where} ${unit}`;
  return { value, detail: `${path.name}: ${detail}` };
}
