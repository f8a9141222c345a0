/** A training checkpoint as one safetensors file: tensors, and everything else as JSON in the metadata. */
import { NearsightError } from '../errors.ts';
import type { ModelShape } from '../kernels/kernels.ts';
import { parameterLayout } from '../model/model.ts';
import { readSafetensors, type Tensor, writeSafetensors } from '../model/safetensors.ts';
import type { RandomState } from '../random.ts';
import type { TrainingCheckpoint, TrainingRecord } from './trainer.ts';

const FORMAT = 'nearsight-checkpoint';
const VERSION = '1';

interface Header {
  readonly epoch: number;
  readonly epochs: number;
  readonly elements: number[];
  readonly shape: ModelShape;
  readonly embedding: number;
  readonly scale: number;
  readonly best: { readonly score: number | null; readonly epoch: number };
  readonly step: number;
  readonly random: RandomState;
  readonly history: readonly TrainingRecord[];
}

const f64 = (values: Float64Array): Tensor => ({ dtype: 'F64', shape: [values.length], data: values });

/**
 * @param plan what the run was started with, as text: a resumed run must have been started with the same
 */
export function encodeCheckpoint(checkpoint: TrainingCheckpoint, plan: string): Uint8Array {
  const { model, best, optimiser } = checkpoint;
  const header: Header = {
    epoch: checkpoint.epoch,
    epochs: checkpoint.epochs,
    elements: [...model.elements],
    shape: model.shape,
    embedding: model.embedding,
    scale: model.statistics.scale,
    // JSON has no infinity: no validation yet
    best: { score: Number.isFinite(best.score) ? best.score : null, epoch: best.epoch },
    step: optimiser.step,
    random: checkpoint.random,
    history: checkpoint.history,
  };
  return writeSafetensors({
    tensors: {
      parameters: f64(model.parameters),
      averaged: f64(checkpoint.averaged),
      best: f64(best.parameters),
      whitening: f64(model.statistics.whitening),
      mean: f64(model.statistics.mean),
      deviation: f64(model.statistics.deviation),
      reference_energies: f64(model.referenceEnergies),
      ...Object.fromEntries(
        Object.entries(optimiser.arrays).map(([name, values]) => [`optimiser.${name}`, f64(values)]),
      ),
    },
    metadata: { format: FORMAT, version: VERSION, plan, header: JSON.stringify(header) },
  });
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
  const header = JSON.parse(metadata.header) as Header;
  const values = (name: string): Float64Array => {
    const tensor = tensors[name];
    if (tensor === undefined || !(tensor.data instanceof Float64Array)) {
      return refuse(`the checkpoint has no tensor "${name}"`, 'remove it and train from the start');
    }
    return tensor.data;
  };
  const parameters = values('parameters');
  if (parameters.length !== parameterLayout(header.shape, header.embedding).length) {
    refuse('the parameters of the checkpoint do not fit its shape', 'remove it and train from the start');
  }
  const names = Object.keys(tensors).filter((name) => name.startsWith('optimiser.'));
  return {
    epoch: header.epoch,
    epochs: header.epochs,
    model: {
      elements: header.elements,
      shape: header.shape,
      embedding: header.embedding,
      parameters,
      statistics: {
        whitening: values('whitening'),
        mean: values('mean'),
        deviation: values('deviation'),
        scale: header.scale,
      },
      referenceEnergies: values('reference_energies'),
    },
    averaged: values('averaged'),
    best: {
      score: header.best.score ?? Number.POSITIVE_INFINITY,
      epoch: header.best.epoch,
      parameters: values('best'),
    },
    optimiser: {
      step: header.step,
      arrays: Object.fromEntries(names.map((name) => [name.slice('optimiser.'.length), values(name)])),
    },
    random: header.random,
    history: header.history,
  };
}
