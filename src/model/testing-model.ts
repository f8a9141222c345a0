/** Random models for tests: small, lively, with no block of parameters that has no say. Nothing else imports this file. */
import { featureCount, type ModelShape } from '../kernels/kernels.ts';
import type { Random } from '../random.ts';
import { type DensityModel, parameterLayout } from './density-model.ts';
import type { Model } from './model.ts';
import type { ModelFile } from './model-file.ts';

const SMALL: Omit<ModelShape, 'species'> = {
  radial: 4,
  lmax: 2,
  order: 3,
  channels: 4,
  hidden: [4, 8],
  heads: 1,
  cutoff: 4,
  onset: 2.5,
};

/** A model of random numbers; energies and forces of the order of 1 eV and 1 eV/Å in a solid. */
export function randomModel(
  elements: readonly number[],
  random: Random,
  options: { readonly sizes?: Partial<ModelShape>; readonly embedding?: number } = {},
): DensityModel {
  const shape: ModelShape = { ...SMALL, ...options.sizes, species: elements.length };
  const embedding = options.embedding ?? 2;
  const numbers = (count: number, centre: number, spread: number): Float64Array =>
    Float64Array.from({ length: count }, () => centre + spread * random.normal());
  const { radial, lmax } = shape;
  return {
    kind: 'density',
    elements,
    shape,
    embedding,
    parameters: numbers(parameterLayout(shape, embedding).length, 0, 0.4),
    statistics: {
      whitening: numbers((lmax + 1) * radial * radial, 0, 0.5),
      mean: numbers(featureCount(shape), 0, 1),
      deviation: numbers(featureCount(shape), 0, 1).map((x) => 2 + Math.abs(x)),
      scale: 0.7,
    },
    referenceEnergies: Float64Array.from(elements, (z) => -100 * z),
  };
}

/** A complete model file around a model. */
export function fileOf<M extends Model>(model: M): ModelFile & { readonly model: M } {
  return {
    model,
    parts: { repulsion: { kind: 'zbl', scale: 'covalent', inner: 0.35, outer: 0.7 } },
    settings: { batch: 8, rate: 0.005, loss: { energy: 30, groups: { aimd: 0.5 } } },
    provenance: {
      nearsightVersion: '0.1.0',
      dataset: [{ source: 'training.xyz', sha256: '0123456789abcdef'.repeat(4), frames: 214 }],
      split: { description: 'by group, 10 % held out', train: 193, validation: 21 },
      seed: 7,
      epochs: 80,
      errors: { train: null, validation: null },
    },
    calibration: null,
    validation: null,
    domain: null,
    noise: null,
  };
}
