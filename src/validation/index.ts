import { cellChoice } from './cell-choice.ts';
import type { Check } from './check.ts';
import { closedPath } from './closed-path.ts';
import { curveKinks } from './curves/kinks.ts';
import { dimerMinima } from './curves/minima.ts';
import { dimerWall, trimerWall } from './curves/wall.ts';
import { dynamicsChecks } from './dynamics/index.ts';
import { extensivity } from './extensivity.ts';
import { extremes } from './extremes.ts';
import { forces } from './forces.ts';
import { locality } from './locality/index.ts';
import { neighbourList } from './neighbour-list.ts';
import { netForce } from './net-force.ts';
import { netTorque } from './net-torque.ts';
import { permutation } from './permutation.ts';
import { reflection } from './reflection.ts';
import { rotation } from './rotation.ts';
import { rounding } from './rounding.ts';
import { separation } from './separation.ts';
import { smoothness, stiffness } from './smoothness.ts';
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

export { type TrainingTemperature, trainingTemperature } from './dynamics/index.ts';

export {
  ballOf,
  type Decay,
  fitDecay,
  INSULATOR,
  localityOf,
  METAL,
  type OutsideForce,
  outsideForceOfBall,
} from './locality/index.ts';

/** Every check, in the order in which a report shows them: symmetries, derivatives, locality, curves, dynamics. */
export const allChecks: readonly Check[] = [
  permutation,
  translation,
  rotation,
  reflection,
  cellChoice,
  netForce,
  netTorque,
  forces,
  stress,
  closedPath,
  rounding,
  neighbourList,
  smoothness,
  stiffness,
  extensivity,
  separation,
  extremes,
  { group: 'locality', ...locality },
  dimerWall,
  dimerMinima,
  trimerWall,
  curveKinks,
  ...dynamicsChecks.map((check): Check => ({ group: 'dynamics', ...check })),
];
