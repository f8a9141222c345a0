/** A learned potential as data, of either descriptor, and how it gets into a kernel. */
import { NearsightError } from '../errors.ts';
import type { Kernel, KernelModel } from '../kernels/kernels.ts';
import { createFolding, type DensityModel } from './density-model.ts';
import type { Folding } from './parameters.ts';
import { createSymmetryFolding, type SymmetryModel } from './symmetry-model.ts';

export type Model = DensityModel | SymmetryModel;

/** Between the trainable parameters of a model and the weights of a kernel. */
export function foldingOf(model: Model): Folding {
  return model.kind === 'density'
    ? createFolding(model.shape, model.embedding, model.statistics)
    : createSymmetryFolding(model.shape, model.embedding, model.statistics);
}

/** Kernel weights of a model. */
export function foldedWeights(model: Model): Float64Array {
  const folding = foldingOf(model);
  if (model.parameters.length !== folding.layout.length) {
    throw new NearsightError(
      'model-shape',
      `the model has ${model.parameters.length} parameters; its shape asks for ${folding.layout.length}`,
    );
  }
  const weights = new Float64Array(folding.weights);
  folding.fold(model.parameters, weights);
  return weights;
}

/** The model in a kernel. */
export function loadModel(model: Model, kernel: Kernel): KernelModel {
  const weights = foldedWeights(model);
  return model.kind === 'density' ? kernel.load(model.shape, weights) : kernel.loadSymmetry(model.shape, weights);
}

/** Whether its forces are the gradient of its energy; else they are those of a direct force head. */
export function isConservative(model: Model): boolean {
  return model.kind === 'symmetry' || model.shape.directForces !== true;
}
