/** Random potentials that n2p2 has a place for, and their files. For tests; nothing else imports this file. */
import type { InputFile, OutputFile } from '../../data/index.ts';
import { type SymmetryShape, symmetryLayout } from '../../kernels/symmetry.ts';
import { randomSymmetryShape, randomSymmetryWeights } from '../../kernels/testing-symmetry.ts';
import type { Random } from '../../random.ts';
import { type SymmetryModel, symmetryParameters } from '../symmetry-model.ts';
import { type N2p2Files, n2p2Elements, weightsName } from './read.ts';

const ELEMENTS = [1, 8, 29] as const;

/** A random model; with an embedding all elements have the functions of the first. */
export function randomPotential(
  random: Random,
  options: { readonly embedding?: number; readonly heads?: number } = {},
): SymmetryModel {
  const { embedding = 0, heads = 1 } = options;
  const some = randomSymmetryShape(random);
  const elements = ELEMENTS.slice(0, some.species);
  // n2p2's weighted angular functions are narrow.
  const known = some.functions.map((list) =>
    list.map((f) => (f.kind === 'wide' && f.neighbours === null ? { ...f, kind: 'narrow' as const } : f)),
  );
  const shape: SymmetryShape = {
    ...some,
    heads,
    functions: embedding > 0 ? some.functions.map(() => known[0]) : known,
    elementWeights: elements,
    activation: some.activation === 'silu' ? 'tanh' : some.activation,
  };
  const weights = randomSymmetryWeights(shape, random);
  const { scaling } = symmetryLayout(shape);
  const scaled = (block: 'centre' | 'deviation'): Float64Array =>
    Float64Array.from(
      shape.functions.flatMap(({ length }, s) => [...weights.subarray(scaling[s][block], scaling[s][block] + length)]),
    );
  const { length } = symmetryParameters(shape, embedding);
  return {
    kind: 'symmetry',
    ...{ elements, shape, embedding },
    parameters: Float64Array.from({ length }, () => 0.5 * random.normal()),
    statistics: { centre: scaled('centre'), deviation: scaled('deviation'), scale: 0.5 + random.uniform() },
    referenceEnergies: Float64Array.from(elements, (z) => -100 * z * random.uniform()),
  };
}

/** What was written as what can be read; of a committee the files of one member. */
export function asInput(files: readonly OutputFile[], folder = ''): N2p2Files {
  const named = (name: string): InputFile => {
    const file = files.find(({ path }) => path === `${folder}${name}`);
    if (file === undefined) throw new Error(`no file ${folder}${name}`);
    const { path, content } = file;
    return { path, bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content };
  };
  const settings = named('input.nn');
  const weights = new Map(n2p2Elements(settings).map((z) => [z, named(weightsName(z))]));
  return { settings, scaling: named('scaling.data'), weights };
}
