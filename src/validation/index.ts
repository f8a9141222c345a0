import type { Check } from './check.ts';
import { closedPath } from './closed-path.ts';
import { dynamicsChecks } from './dynamics/index.ts';
import { extensivity } from './extensivity.ts';
import { forces } from './forces.ts';
import { neighbourList } from './neighbour-list.ts';
import { netForce } from './net-force.ts';
import { netTorque } from './net-torque.ts';
import { permutation } from './permutation.ts';
import { reflection } from './reflection.ts';
import { rotation } from './rotation.ts';
import { smoothness } from './smoothness.ts';
import { stress } from './stress.ts';
import { translation } from './translation.ts';

export {
  type Check,
  type CheckContext,
  type CheckCurve,
  type CheckGroup,
  type CheckResult,
  type Finding,
  type Precision,
  runChecks,
  type Skipped,
} from './check.ts';

/** Every check, in the order in which a report shows them: symmetries, derivatives, locality, dynamics. */
export const allChecks: readonly Check[] = [
  permutation,
  translation,
  rotation,
  reflection,
  netForce,
  netTorque,
  forces,
  stress,
  closedPath,
  neighbourList,
  smoothness,
  extensivity,
  ...dynamicsChecks.map((check): Check => ({ group: 'dynamics', ...check })),
];
