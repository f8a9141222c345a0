/** What `train` says of the uncertainties of its model. */
import type { TrainRunResult } from '../node/train-run.ts';
import { formatNumber } from '../report/index.ts';
import { type Calibration, decodeCalibration } from '../uncertainty/index.ts';

type Trained = Pick<TrainRunResult, 'model' | 'path' | 'validation'>;

const QUANTITIES = [
  ['forces', 'force components'],
  ['energy', 'energies'],
  ['stress', 'stress components'],
] as const;

/** Observed share of the labels in 90 % intervals; null where the quantity was not calibrated, or has none. */
function held(calibration: Calibration, quantity: (typeof QUANTITIES)[number][0]): number | null {
  const coverage = calibration[quantity]?.metrics.coverage ?? [];
  return coverage.find(({ stated }) => stated === 0.9)?.observed ?? null;
}

/** `calibrated` of the JSON document: null where the model was not. Coverage is of the frames of the calibration. */
export function calibratedDocument({ model }: Trained): object | null {
  const calibration = decodeCalibration(model.calibration);
  if (calibration === null) return null;
  const { frames, atoms } = calibration.heldOut;
  const coverage = Object.fromEntries(QUANTITIES.map(([quantity]) => [quantity, held(calibration, quantity)]));
  return { frames, atoms, coverage_90: coverage };
}

/** A sentence on whether the uncertainties are calibrated, on what, and what their intervals hold there. */
export function describeCalibrated(result: Trained): string {
  const { model } = result;
  if (model.model.shape.heads < 2)
    return 'No uncertainties: the model has one head. For these, train with --committee 4';
  const calibration = decodeCalibration(model.calibration);
  if (calibration === null) return notCalibrated(result);
  const shares = QUANTITIES.flatMap(([quantity, name]) => {
    const share = held(calibration, quantity);
    return share === null ? [] : [`${formatNumber(100 * share, { decimals: 1 })} % of the ${name}`];
  });
  const last = shares.length > 1 ? ` and ${shares.pop()}` : '';
  const there =
    shares.length === 0 ? 'too few for 90 % intervals' : `90 % intervals hold ${shares.join(', ')}${last} there`;
  return `Uncertainties are calibrated on ${calibration.heldOut.frames} held-out frames: ${there}`;
}

/** A grown model does not take over the calibration of its old elements: nobody has tried it on the new ones. */
function notCalibrated({ validation, path, model }: Trained): string {
  const few =
    validation === null ? 'no frames were held out' : `${validation.overall.frames} frames held out are too few`;
  const grown =
    model.provenance.grown === undefined ? '' : ', and what the old model knew of its errors is of other elements';
  return `Uncertainties are not calibrated: ${few}${grown}. Later: nearsight calibrate ${path} DATA`;
}
