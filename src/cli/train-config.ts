/** The YAML file of `nearsight train`: every mistake is told with its line and field. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type ConfigText, nearestName, readConfigText } from '../config-text.ts';
import { atomicNumberOf, symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { TrainRequest } from '../node/train-run.ts';
import { parseDuration } from './values.ts';

const count = z.int().min(1);
const fours = z.int().min(4).multipleOf(4);
const share = z.number().gt(0).lt(1);
const weight = z.number().min(0);

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue({ code: 'custom', message: `"${text}" is no duration; write it like 60s, 10min or 2h` });
    return z.NEVER;
  }
});

const densityModel = z.strictObject({
  descriptor: z.literal('density', { error: 'expected "density" or "symmetry"' }),
  radial: fours,
  radialHigh: fours,
  lmax: z.union([z.literal(2), z.literal(3)]),
  order: z.union([z.literal(2), z.literal(3), z.literal(4)]),
  channels: fours,
  hidden: z.tuple([fours, fours]),
  cutoff: z.number().positive().max(20),
  onset: z.number().min(0),
  embedding: count,
  sharedLayers: z.boolean(),
  directForces: z.literal(true, 'either true, or left out'),
});
const symmetryModel = z.strictObject({
  cutoff: z.number().positive().max(20),
  cutoffKind: z.enum(['cosine', 'tanh3', 'poly2']),
  inner: z.number().min(0).lt(1),
  radial: count,
  angular: z.int().min(0),
  zetas: z.array(z.number().min(1)).min(1),
  wide: z.boolean(),
  weighted: z.boolean(),
  hidden: z.tuple([count, count]),
  activation: z.enum(['tanh', 'softplus', 'silu']),
  embedding: count,
  sharedLayers: z.boolean(),
});
const loss = z.strictObject({
  energy: weight,
  energyRise: z.number().positive(),
  forces: weight,
  stress: weight,
  netForce: weight,
  netTorque: weight,
  frameCap: z.number().positive(),
  groups: z.record(z.string(), weight),
});
const optimiser = z.strictObject({
  method: z.enum(['soap', 'adam']),
  beta1: share,
  beta2: share,
  weightDecay: weight,
  refresh: count,
});
const names = z.union([z.string(), z.array(z.string()).min(1)]).transform((x) => (typeof x === 'string' ? [x] : x));
const symbols = names.transform((list, context) => {
  const unknown = list.find((name) => !isSymbol(name));
  if (unknown === undefined) return list;
  context.addIssue({ code: 'custom', message: `"${unknown}" is not the symbol of an element` });
  return z.NEVER;
});
const replay = z.strictObject({ data: names, share: share.optional() });
const grow = z.strictObject({ elements: symbols, adapter: z.int().min(0).optional() });
const levels = z.strictObject({ target: z.string(), files: z.record(z.string(), z.string()).optional() });
const config = z.strictObject({
  data: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  validation: z.union([z.string(), z.number().min(0).lt(1)]).optional(),
  out: z.string().optional(),
  time: duration.optional(),
  epochs: count.optional(),
  seed: z.int().min(0).optional(),
  threads: count.optional(),
  committee: count.optional(),
  repulsion: z.boolean().optional(),
  rate: z.number().positive().optional(),
  batch: count.optional(),
  averaging: share.optional(),
  clip: z.number().positive().optional(),
  validations: count.optional(),
  patience: z.number().positive().optional(),
  bootstrap: z.enum(['poisson', 'none']).optional(),
  model: densityModel.partial().optional(),
  loss: loss.partial().optional(),
  optimiser: optimiser.partial().optional(),
  from: z.string().optional(),
  freeze: names.optional(),
  referenceEnergies: z.enum(['auto', 'keep', 'refit']).optional(),
  replay: replay.optional(),
  grow: grow.optional(),
  levels: levels.optional(),
});

/** The same for a model of symmetry functions, which says so by its descriptor. */
const symmetryConfig = config.extend({
  model: symmetryModel.partial().extend({ descriptor: z.literal('symmetry') }),
});

function schemaFor(written: unknown): typeof config | typeof symmetryConfig {
  const named = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return named(named(written, 'model'), 'descriptor') === 'symmetry' ? symmetryConfig : config;
}

/** What may stand where, for suggestions. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(config.shape),
  model: [...new Set([...Object.keys(densityModel.shape), ...Object.keys(symmetryModel.shape)])],
  loss: Object.keys(loss.shape),
  optimiser: Object.keys(optimiser.shape),
  replay: Object.keys(replay.shape),
  grow: Object.keys(grow.shape),
  levels: Object.keys(levels.shape),
};

export type TrainConfig = Partial<TrainRequest>;

/**
 * The request that a YAML text describes. Paths in it are relative to the folder that the file stands in.
 * @throws NearsightError `bad-config` with path, line and field
 */
export function parseTrainConfig(text: string, path: string): TrainConfig {
  const written = readConfigText(text, path);
  const result = schemaFor(written.value).safeParse(written.value ?? {});
  if (!result.success) throw refusal(result.error.issues[0], written);
  return requestOf(result.data, (name) => resolve(dirname(path), name));
}

function requestOf(
  config_: z.infer<typeof config> | z.infer<typeof symmetryConfig>,
  locate: (name: string) => string,
): TrainConfig {
  const { data, validation, out, time, epochs, threads, repulsion, committee, model: shape, ...rest } = config_;
  const { from, freeze, referenceEnergies, replay, grow, levels, ...settings } = rest;
  const heads = committee === undefined ? {} : { heads: committee };
  return {
    ...(data !== undefined && { data: (typeof data === 'string' ? [data] : data).map(locate) }),
    ...(typeof validation === 'string' && { validation: locate(validation) }),
    ...(typeof validation === 'number' && { holdOut: validation }),
    ...(out !== undefined && { out: locate(out) }),
    ...(time !== undefined && { seconds: time }),
    epochs,
    threads,
    repulsion,
    ...(from !== undefined && { from: locate(from) }),
    ...(replay !== undefined && { replay: { ...replay, data: replay.data.map(locate) } }),
    ...(levels !== undefined && { levels: { ...levels, files: byPath(levels.files ?? {}, locate) } }),
    freeze,
    referenceEnergies,
    grow,
    // Fields that are absent are absent here too: zod leaves them out.
    settings: { ...settings, model: { ...shape, ...heads } } as NonNullable<TrainRequest['settings']>,
  };
}

const byPath = (files: Readonly<Record<string, string>>, locate: (name: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, level]) => [locate(name), level]));

function isSymbol(name: string): boolean {
  try {
    return symbolOf(atomicNumberOf(name)) === name;
  } catch {
    return false;
  }
}

function refusal(issue: z.core.$ZodIssue, written: ConfigText): NearsightError {
  const at = issue.path.map((name) => (typeof name === 'symbol' ? String(name) : name));
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const known = KNOWN[at.join('.')] ?? [];
    const near = nearestName(key, known);
    return new NearsightError('bad-config', `"${key}" is not a setting${at.length > 0 ? ` of ${at.join('.')}` : ''}`, {
      hint: near === null ? `known are ${known.join(', ')}` : `did you mean "${near}"?`,
      place: written.place([...at, key]),
    });
  }
  return new NearsightError('bad-config', issue.message, {
    hint: 'nearsight train --help explains the settings',
    place: written.place(at),
  });
}
