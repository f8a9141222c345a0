/** A training checkpoint as one safetensors file: tensors, and everything else as JSON in the metadata. */
import { z } from 'zod';
import { NearsightError } from '../errors.ts';
import { parseJson } from '../model/json.ts';
import { headOf, headSchemaFor, modelOf, tensorsOf } from '../model/model-record.ts';
import { readSafetensors, type Tensor, writeSafetensors } from '../model/safetensors.ts';
import type { ErrorSummary } from './loss-terms.ts';
import type { TrainingCheckpoint } from './trainer.ts';

const FORMAT = 'nearsight-checkpoint';
const VERSION = '2';

const count = z.int().min(0);
const rmse = z.number().nullable();
const errors = z.strictObject({ energy: rmse, forces: rmse, stress: rmse });

const headerSchema = z.strictObject({
  epoch: count,
  epochs: count,
  model: z.unknown().transform((written, context) => {
    const head = headSchemaFor(written).safeParse(written);
    if (head.success) return head.data;
    context.addIssue({ code: 'custom', message: head.error.issues[0].message });
    return z.NEVER;
  }),
  best: z.strictObject({ score: z.number().nullable(), epoch: count }),
  step: count,
  random: z.strictObject({
    words: z.tuple([z.int(), z.int(), z.int(), z.int()]).readonly(),
    spare: z.number().nullable(),
  }),
  history: z.array(
    z.strictObject({
      epoch: count,
      epochs: count,
      rate: z.number(),
      loss: z.number().nullable(),
      train: errors,
      validation: errors.nullable(),
    }),
  ),
});
type Header = z.infer<typeof headerSchema>;

/** JSON has no NaN: an error of nothing labelled is null there. */
const toNull = (e: ErrorSummary): z.infer<typeof errors> => ({
  energy: Number.isFinite(e.energy) ? e.energy : null,
  forces: Number.isFinite(e.forces) ? e.forces : null,
  stress: Number.isFinite(e.stress) ? e.stress : null,
});
const fromNull = (e: z.infer<typeof errors>): ErrorSummary => ({
  energy: e.energy ?? Number.NaN,
  forces: e.forces ?? Number.NaN,
  stress: e.stress ?? Number.NaN,
});

const f64 = (values: Float64Array): Tensor => ({ dtype: 'F64', shape: [values.length], data: values });

const prefixed = (prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));

const belowPrefix = (prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${prefix}.`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

/**
 * @param plan what the run was started with, as text: a resumed run must have been started with the same
 */
export function encodeCheckpoint(checkpoint: TrainingCheckpoint, plan: string): Uint8Array {
  const { model, best, optimiser } = checkpoint;
  const header: Header = {
    epoch: checkpoint.epoch,
    epochs: checkpoint.epochs,
    model: headOf(model),
    // JSON has no infinity: no validation yet
    best: { score: Number.isFinite(best.score) ? best.score : null, epoch: best.epoch },
    step: optimiser.step,
    random: checkpoint.random,
    history: checkpoint.history.map((row) => ({
      ...row,
      train: toNull(row.train),
      validation: row.validation === null ? null : toNull(row.validation),
    })),
  };
  return writeSafetensors({
    tensors: {
      ...prefixed('model', tensorsOf(model)),
      averaged: f64(checkpoint.averaged),
      best: f64(best.parameters),
      ...prefixed('optimiser', Object.fromEntries(Object.entries(optimiser.arrays).map(([n, v]) => [n, f64(v)]))),
    },
    metadata: { format: FORMAT, version: VERSION, plan, header: JSON.stringify(header) },
  });
}

function parseHeader(text: string, refuse: (what: string) => never): Header {
  const result = headerSchema.safeParse(parseJson(text, refuse));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return refuse(`${issue.path.join('.')}: ${issue.message}`);
}

/** Reads a checkpoint of the same plan; anything else is refused. */
export function decodeCheckpoint(bytes: Uint8Array, source: string, plan: string): TrainingCheckpoint {
  const refuse = (message: string, hint: string): never => {
    throw new NearsightError('bad-checkpoint', message, { hint, place: { path: source } });
  };
  const { tensors, metadata } = readSafetensors(bytes, source);
  if (metadata.format !== FORMAT || metadata.version !== VERSION) {
    refuse('this is not a checkpoint that this version of nearsight wrote', 'remove it and train from the start');
  }
  if (metadata.plan !== plan) {
    refuse(
      'the checkpoint belongs to a training with other data or settings',
      'resume with the settings that it was started with, or remove it',
    );
  }
  const header = parseHeader(metadata.header ?? '', (what) =>
    refuse(`the checkpoint is damaged: ${what}`, 'remove it and train from the start'),
  );
  const values = (name: string): Float64Array => {
    const tensor = tensors[name];
    if (tensor === undefined || !(tensor.data instanceof Float64Array)) {
      return refuse(`the checkpoint has no tensor "${name}"`, 'remove it and train from the start');
    }
    return tensor.data;
  };
  return {
    epoch: header.epoch,
    epochs: header.epochs,
    model: modelOf(belowPrefix('model', tensors), header.model, source),
    averaged: values('averaged'),
    best: {
      score: header.best.score ?? Number.POSITIVE_INFINITY,
      epoch: header.best.epoch,
      parameters: values('best'),
    },
    optimiser: {
      step: header.step,
      arrays: Object.fromEntries(
        Object.keys(belowPrefix('optimiser', tensors)).map((name) => [name, values(`optimiser.${name}`)]),
      ),
    },
    random: header.random,
    history: header.history.map((row) => ({
      ...row,
      loss: row.loss ?? Number.NaN,
      train: fromNull(row.train),
      validation: row.validation === null ? null : fromNull(row.validation),
    })),
  };
}
