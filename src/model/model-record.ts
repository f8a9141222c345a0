/** A model as JSON and tensors: what model files and checkpoints have in common. */
import { z } from 'zod';
import { atomicNumberOf, symbolOf } from '../elements.ts';
import { NearsightError, type Place } from '../errors.ts';
import { featureCount, type ModelShape } from '../kernels/kernels.ts';
import { checkShape } from '../kernels/shape.ts';
import { checkSymmetryShape, type SymmetryShape } from '../kernels/symmetry.ts';
import { parameterLayout } from './density-model.ts';
import { printable } from './json.ts';
import type { Model } from './model.ts';
import type { ParameterLayout } from './parameters.ts';
import type { Safetensors, Tensor } from './safetensors.ts';
import { symmetryParameters } from './symmetry-model.ts';

const size = z.int().min(1);
const index = z.int().min(0);
const elements = z.array(z.string()).min(1).max(118);
const length = z.number().positive().max(100);

const densitySchema = z.strictObject({
  elements,
  embedding: size,
  radial: size,
  lmax: z.union([z.literal(2), z.literal(3)]),
  order: z.union([z.literal(2), z.literal(3), z.literal(4)]),
  channels: size,
  hidden: z.tuple([size, size]),
  heads: size,
  cutoff: length,
  onset: z.number().min(0),
  directForces: z.literal(true).optional(),
});

const gaussian = { eta: z.number().min(0), shift: z.number(), cutoff: length };
const functionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('radial'), neighbour: index.nullable(), ...gaussian }),
  z.strictObject({
    kind: z.enum(['narrow', 'wide']),
    neighbours: z.tuple([index, index]).nullable(),
    lambda: z.union([z.literal(1), z.literal(-1)]),
    zeta: z.number().min(1),
    ...gaussian,
  }),
]);

const symmetrySchema = z.strictObject({
  descriptor: z.literal('symmetry'),
  elements,
  embedding: index,
  cutoff: length,
  cutoffKind: z.enum(['cosine', 'tanh3', 'poly2']),
  inner: z.number().min(0).lt(1),
  functions: z.array(z.array(functionSchema).min(1)),
  elementWeights: z.array(z.number()),
  hidden: z.tuple([size, size]),
  activation: z.enum(['tanh', 'softplus', 'silu']),
  heads: size,
});

interface Elements {
  /** Symbols, in ascending order of the atomic numbers. */
  readonly elements: readonly string[];
  readonly embedding: number;
}

/** Everything of a model but its numbers. Density projections are what a head without a descriptor means. */
export type ModelHead =
  | (Elements & Omit<ModelShape, 'species' | 'directForces'> & { readonly directForces?: true | undefined })
  | (Elements & Omit<SymmetryShape, 'species'> & { readonly descriptor: 'symmetry' });

/** What a head must look like; what it says of its descriptor decides. */
export function headSchemaFor(written: unknown): z.ZodType<ModelHead> {
  const symmetry = typeof written === 'object' && written !== null && 'descriptor' in written;
  return symmetry ? symmetrySchema : densitySchema;
}

export function headOf(model: Model): ModelHead {
  const { species: _, ...sizes } = model.shape;
  const head = { elements: model.elements.map(symbolOf), embedding: model.embedding, ...sizes };
  return (model.kind === 'symmetry' ? { descriptor: 'symmetry', ...head } : head) as ModelHead;
}

const DAMAGED = 'the file is damaged or was not written by nearsight: get it anew, or train the model again';
export const TOO_NEW =
  'a later version of nearsight wrote it: install that version, or train the model again with this one';

export function refuse(place: Place, message: string, options: { code?: string; hint?: string } = {}): never {
  throw new NearsightError(options.code ?? 'bad-model-file', message, { hint: options.hint ?? DAMAGED, place });
}

/** What `work` refuses is a mistake in the file. */
export function relocated<T>(place: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    return refuse(place, error.message);
  }
}

/** A model without its numbers. */
type Frame =
  | {
      readonly kind: 'density';
      readonly elements: readonly number[];
      readonly shape: ModelShape;
      readonly embedding: number;
    }
  | {
      readonly kind: 'symmetry';
      readonly elements: readonly number[];
      readonly shape: SymmetryShape;
      readonly embedding: number;
    };

function frameOf(head: ModelHead, source: string): Frame {
  const place: Place = { path: source, field: 'model' };
  return relocated(place, () => {
    const numbers = head.elements.map(atomicNumberOf);
    if (numbers.some((number, s) => s > 0 && number <= numbers[s - 1])) {
      refuse(place, `the elements ${head.elements.join(', ')} are not in ascending order`);
    }
    const species = numbers.length;
    if ('descriptor' in head) {
      const { elements: _, embedding, descriptor: __, ...sizes } = head;
      const shape: SymmetryShape = { species, ...sizes };
      checkSymmetryShape(shape);
      const lengths = new Set(shape.functions.map((list) => list.length));
      if (embedding > 0 && lengths.size > 1) {
        refuse(place, 'elements that share a network have different numbers of symmetry functions');
      }
      return { kind: 'symmetry', elements: numbers, shape, embedding };
    }
    const { elements: _, embedding, directForces, ...sizes } = head;
    const shape: ModelShape = { species, ...sizes, ...(directForces === true && { directForces }) };
    checkShape(shape);
    return { kind: 'density', elements: numbers, shape, embedding };
  });
}

function layoutOf(frame: Frame): ParameterLayout {
  return frame.kind === 'density'
    ? parameterLayout(frame.shape, frame.embedding)
    : symmetryParameters(frame.shape, frame.embedding);
}

/** Names and shapes of the tensors of a model. Only sizes, no memory: the file has to show that it has the numbers. */
function tensorShapes(frame: Frame): Map<string, readonly number[]> {
  const { blocks } = layoutOf(frame);
  const parameters = blocks.map(({ name, dimensions }) => [`parameters.${name}`, dimensions] as const);
  const rest: [string, readonly number[]][] = [
    ['statistics.scale', []],
    ['reference_energies', [frame.elements.length]],
  ];
  if (frame.kind === 'symmetry') {
    const functions = frame.shape.functions.reduce((sum, list) => sum + list.length, 0);
    rest.push(['statistics.centre', [functions]], ['statistics.deviation', [functions]]);
  } else {
    const { lmax, radial } = frame.shape;
    const F = featureCount(frame.shape);
    rest.push(['statistics.whitening', [lmax + 1, radial, radial]]);
    rest.push(['statistics.mean', [F]], ['statistics.deviation', [F]]);
  }
  return new Map([...parameters, ...rest]);
}

const product = (dimensions: readonly number[]): number => dimensions.reduce((p, q) => p * q, 1);

/** The numbers of a model, by name. */
export function tensorsOf(model: Model): Record<string, Tensor> {
  const { scale, ...statistics } = model.statistics;
  const data: Record<string, Float64Array> = {
    ...Object.fromEntries(Object.entries(statistics).map(([name, values]) => [`statistics.${name}`, values])),
    'statistics.scale': Float64Array.of(scale),
    reference_energies: model.referenceEnergies,
  };
  for (const { name, offset, dimensions } of layoutOf(model).blocks) {
    data[`parameters.${name}`] = model.parameters.subarray(offset, offset + product(dimensions));
  }
  const shapes = [...tensorShapes(model)];
  return Object.fromEntries(shapes.map(([name, dims]) => [name, { dtype: 'F64', shape: dims, data: data[name] }]));
}

/**
 * The model of a head and its tensors. Every shape and every number is checked; a tensor that does not belong there is
 * refused.
 * @throws NearsightError `bad-model-file`, `model-version`
 */
export function modelOf(tensors: Safetensors['tensors'], head: ModelHead, source: string): Model {
  const frame = frameOf(head, source);
  const shapes = tensorShapes(frame);
  for (const name of Object.keys(tensors)) {
    if (shapes.has(name)) continue;
    refuse({ path: source, field: printable(name) }, 'a tensor that is not understood', {
      code: 'model-version',
      hint: TOO_NEW,
    });
  }
  const values = (name: string): Float64Array => {
    const expected = shapes.get(name)!;
    const tensor = tensors[name];
    if (tensor === undefined) return refuse({ path: source, field: name }, 'the tensor is missing');
    const { dtype, shape, data } = tensor;
    if (dtype === 'F64' && shape.length === expected.length && shape.every((n, k) => n === expected[k])) return data;
    return refuse({ path: source, field: name }, `${dtype} [${shape}] where F64 [${expected}] belongs`);
  };
  const positive = (name: string): Float64Array => {
    const all = values(name);
    const bad = all.findIndex((x) => x <= 0);
    return bad < 0 ? all : refuse({ path: source, field: name }, `number ${bad} is ${all[bad]}, not positive`);
  };
  const { blocks } = layoutOf(frame);
  const found = blocks.map(({ name }) => values(`parameters.${name}`));
  const parameters = new Float64Array(found.reduce((sum, { length: n }) => sum + n, 0));
  for (const [k, { offset }] of blocks.entries()) parameters.set(found[k], offset);
  const referenceEnergies = values('reference_energies');
  const deviation = positive('statistics.deviation');
  const scale = positive('statistics.scale')[0];
  if (frame.kind === 'symmetry') {
    const statistics = { centre: values('statistics.centre'), deviation, scale };
    return { ...frame, parameters, statistics, referenceEnergies };
  }
  const statistics = { whitening: values('statistics.whitening'), mean: values('statistics.mean'), deviation, scale };
  return { ...frame, parameters, statistics, referenceEnergies };
}
