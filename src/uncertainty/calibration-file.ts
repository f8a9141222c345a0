/** The calibration as it stands in a model file. */
import { z } from 'zod';
import { NearsightError } from '../errors.ts';
import { type JsonObject, jsonObjectOf } from '../model/json.ts';
import type { Calibration } from './calibration.ts';

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const notNegative = z.number().min(0);
const count = z.int().min(0);

const metricsSchema = z.strictObject({
  count,
  fixed: count,
  rmse: notNegative,
  miscalibrationArea: z.number().min(0).max(0.5),
  normalMiscalibrationArea: z.number().min(0).max(0.5),
  sharpness: notNegative,
  crps: notNegative,
  nll: z.number(),
  ence: notNegative,
  spearman: z.number().min(-1).max(1),
  spearmanError: notNegative,
  spearmanFree: z.number().min(-1).max(1),
  coverage: z.array(z.strictObject({ stated: share, observed: share })),
  recallWorstTenth: share,
});

const quantitySchema = z.strictObject({
  floor: positive,
  scale: notNegative,
  tails: z.number().gt(2).nullable(),
  noise: z.boolean(),
  intervals: z.array(z.strictObject({ coverage: z.number().gt(0).lt(1), factor: positive })).refine(
    (list) =>
      list.every(({ coverage, factor }, k) => {
        const before = list[k - 1];
        return before === undefined || (coverage > before.coverage && factor >= before.factor);
      }),
    'coverages and factors must ascend',
  ),
  reliability: z.array(z.strictObject({ expected: share, observed: share })),
  frames: z.strictObject({ heldOut: z.int().min(1), train: count }),
  metrics: metricsSchema,
});

const calibrationSchema = z.strictObject({
  version: z.literal(1),
  estimator: z.enum(['heads', 'models', 'mahalanobis', 'nearest', 'last-layer']),
  heldOut: z.strictObject({ frames: count, atoms: count, groups: z.array(z.string()), how: z.string() }),
  energy: quantitySchema.nullable(),
  forces: quantitySchema.nullable(),
  stress: quantitySchema.nullable(),
});

/** As plain JSON, for `ModelFile.calibration`. */
export function encodeCalibration(calibration: Calibration): JsonObject {
  return jsonObjectOf(calibration);
}

/**
 * From `ModelFile.calibration`, every number checked; null where the model was never calibrated.
 * @throws NearsightError `bad-model-file`; `model-version` where a later version wrote it
 */
export function decodeCalibration(record: JsonObject | null): Calibration | null {
  if (record === null) return null;
  if (record.version !== 1) {
    throw new NearsightError('model-version', `the calibration is of version ${String(record.version)}`, {
      hint: 'use the nearsight that calibrated the model, or calibrate it anew with nearsight calibrate',
      place: { field: 'calibration.version' },
    });
  }
  const result = calibrationSchema.safeParse(record);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new NearsightError('bad-model-file', `the calibration makes no sense: ${issue.message}`, {
    hint: 'the file is damaged, or made by something else: calibrate the model anew with nearsight calibrate',
    place: { field: ['calibration', ...issue.path.map(String)].join('.') },
  });
}
