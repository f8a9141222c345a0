/** How the domain of a model stands in its file: a record and tensors; anything that does not fit is refused. */
import { z } from 'zod';
import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import { jsonObjectOf } from '../model/json.ts';
import type { Attachment } from '../model/model-file.ts';
import type { Crowding } from './domain-crowding.ts';
import type { DomainSpace } from './domain-space.ts';
import type { Tail } from './thinning.ts';

/** Of the held-out environments, this share is not farther away, σ. */
export interface DistanceQuantile {
  readonly share: number;
  readonly nearest: number;
  readonly mahalanobis: number;
}

/** What is known of the frames of one training. */
export interface DomainPart {
  readonly space: DomainSpace;
  /** Names of files and groups that the origins of kept environments point to. */
  readonly sources: readonly string[];
  readonly groups: readonly string[];
  /** How rare large distances are among environments like the held-out ones, σ. */
  readonly tails: { readonly nearest: Tail; readonly mahalanobis: Tail };
  /** Numbers of neighbours that atoms have, by species; absent in older files. */
  readonly crowding?: readonly Crowding[] | undefined;
  /** What the limits were learned from. */
  readonly frames: { readonly train: number; readonly heldOut: number };
  readonly heldOut: { readonly environments: number; readonly quantiles: readonly DistanceQuantile[] };
}

/** What a model file says of its training domain: that of its last training, and of earlier ones that still hold. */
export interface DomainRecord extends DomainPart {
  /** Of models that this one was trained from, where features are what they were; the latest first. */
  readonly earlier: readonly DomainPart[];
  /** The model was trained before on frames that are not part of the above: its features have changed since. */
  readonly forgets: boolean;
}

const count = z.int().min(0);
const positive = z.number().positive();
const atLeast0 = z.number().min(0);
const tail = z.strictObject({ from: atLeast0, share: z.number().gt(0).max(1), excess: atLeast0, largest: atLeast0 });
const partSchema = z.strictObject({
  sources: z.array(z.string()),
  groups: z.array(z.string()),
  environments: z.array(count),
  units: z.strictObject({ nearest: z.array(positive), mahalanobis: z.array(positive) }),
  tails: z.strictObject({ nearest: tail, mahalanobis: tail }),
  crowding: z.array(z.strictObject({ ranges: z.array(z.tuple([atLeast0, atLeast0])), margin: positive })).optional(),
  frames: z.strictObject({ train: count, heldOut: count }),
  heldOut: z.strictObject({
    environments: count,
    quantiles: z.array(z.strictObject({ share: z.number().min(0).max(1), nearest: atLeast0, mahalanobis: atLeast0 })),
  }),
});
const schema = partSchema.extend({
  version: z.literal(1),
  elements: z.array(z.string()).min(1),
  features: z.int().min(1),
  earlier: z.array(partSchema).default([]),
  forgets: z.boolean().default(false),
});
type PartJson = z.infer<typeof partSchema>;

export function encodeDomain(domain: DomainRecord, elements: readonly number[]): Attachment {
  const { earlier, forgets, space } = domain;
  const heading = { version: 1, elements: elements.map(symbolOf), features: space.dimension };
  const later = earlier.length === 0 ? {} : { earlier: earlier.map(partJson) };
  return {
    record: jsonObjectOf({ ...heading, ...partJson(domain), ...later, ...(forgets && { forgets }) }, 'domain'),
    tensors: Object.assign(
      partTensors(domain.space, ''),
      ...earlier.map((part, k) => partTensors(part.space, prefixOf(k))),
    ),
  };
}

/** Of the names of the tensors of an earlier part. */
const prefixOf = (k: number): string => `earlier.${k}.`;

function partJson({ space, sources, groups, tails, crowding, frames, heldOut }: DomainPart): object {
  const { environments, units } = space;
  return { sources, groups, environments, units, tails, ...(crowding && { crowding }), frames, heldOut };
}

function partTensors({ dimension: F, mean, factors, kept }: DomainSpace, prefix: string): Attachment['tensors'] {
  const triangle = (F * (F + 1)) / 2;
  const factor = new Float32Array(factors.length * triangle);
  for (const [k, L] of factors.entries()) factor.set(packed(L, F), k * triangle);
  const total = kept.reduce((sum, { origin }) => sum + origin.length / 3, 0);
  const points = new Float32Array(total * F);
  const origin = new Int32Array(total * 3);
  const first = new Int32Array(kept.length + 1);
  for (const [s, { points: own, origin: from }] of kept.entries()) {
    points.set(own, first[s] * F);
    origin.set(from, first[s] * 3);
    first[s + 1] = first[s] + from.length / 3;
  }
  return {
    [`${prefix}mean`]: { dtype: 'F64', shape: [kept.length, F], data: mean },
    [`${prefix}factor`]: { dtype: 'F32', shape: [factors.length, triangle], data: factor },
    [`${prefix}points`]: { dtype: 'F32', shape: [total, F], data: points },
    [`${prefix}origin`]: { dtype: 'I32', shape: [total, 3], data: origin },
    [`${prefix}first`]: { dtype: 'I32', shape: [kept.length + 1], data: first },
  };
}

/**
 * What an attachment says of the domain of a model with these elements and features.
 * @throws NearsightError `bad-model-file`
 */
export function decodeDomain(attachment: Attachment, elements: readonly number[], features: number): DomainRecord {
  const parsed = schema.safeParse(attachment.record);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return refuse(path.join('.'), message);
  }
  const { version: _, elements: symbols, features: F, earlier, forgets, ...last } = parsed.data;
  if (symbols.join() !== elements.map(symbolOf).join()) refuse('elements', `it is that of ${symbols.join(', ')}`);
  if (F !== features) refuse('features', `${F} features; the model has ${features}`);
  const parts = [last, ...earlier].map((part, k) =>
    partOf(part, attachment.tensors, { symbols, F, prefix: k === 0 ? '' : prefixOf(k - 1) }),
  );
  return { ...parts[0], earlier: parts.slice(1), forgets };
}

function partOf(
  { environments, units, ...rest }: PartJson,
  tensors: Attachment['tensors'],
  { symbols, F, prefix }: { readonly symbols: readonly string[]; readonly F: number; readonly prefix: string },
): DomainPart {
  const S = symbols.length;
  for (const list of [environments, units.nearest, units.mahalanobis]) {
    if (list.length !== S) refuse('environments', `numbers for ${list.length} of ${S} elements`);
  }
  const { crowding } = rest;
  if (crowding !== undefined) checkCrowding(crowding, environments);
  const { mean, factors, kept } = readTensors(tensors, { S, F, prefix });
  for (const [s, { origin }] of kept.entries()) {
    if (environments[s] > 0 !== origin.length > 0) refuse('first', `${symbols[s]} has no environments, or some`);
    for (let at = 0; at < origin.length; at += 3) {
      const inside = origin[at] < rest.sources.length && origin[at + 2] < rest.groups.length;
      if (!inside || origin.subarray(at, at + 3).some((n) => n < 0)) refuse('origin', 'a source that is not there');
    }
  }
  return { space: { dimension: F, mean, factors, kept, environments, units }, ...rest };
}

function checkCrowding(crowding: readonly Crowding[], environments: readonly number[]): void {
  if (crowding.length !== environments.length)
    refuse('crowding', `${crowding.length} of ${environments.length} elements`);
  for (const [s, { ranges }] of crowding.entries()) {
    const ends = ranges.flat();
    if (ends.some((n, k) => k > 0 && n < ends[k - 1])) refuse('crowding', 'ranges that are not in ascending order');
    if (environments[s] > 0 !== ranges.length > 0)
      refuse('crowding', 'ranges for an element without environments, or none');
  }
}

function readTensors(
  tensors: Attachment['tensors'],
  { S, F, prefix }: { readonly S: number; readonly F: number; readonly prefix: string },
): Pick<DomainSpace, 'mean' | 'factors' | 'kept'> {
  const triangle = (F * (F + 1)) / 2;
  const first = tensor(tensors, `${prefix}first`, 'I32', [S + 1]);
  const P = first[S];
  if (first[0] !== 0 || first.some((at, s) => s > 0 && at < first[s - 1])) refuse('first', 'not in ascending order');
  const mean = tensor(tensors, `${prefix}mean`, 'F64', [S, F]);
  const factor = tensor(tensors, `${prefix}factor`, 'F32', [
    tensors[`${prefix}factor`]?.shape[0] === S ? S : 1,
    triangle,
  ]);
  const points = tensor(tensors, `${prefix}points`, 'F32', [P, F]);
  const origin = tensor(tensors, `${prefix}origin`, 'I32', [P, 3]);
  const factors = Array.from({ length: factor.length / triangle }, (_, k) =>
    unpacked(factor.subarray(k * triangle, (k + 1) * triangle), F),
  );
  if (factors.some((L) => Array.from({ length: F }, (_, f) => L[f * F + f]).some((d) => !(d > 0)))) {
    refuse('factor', 'a whitening without an inverse');
  }
  const kept = Array.from({ length: S }, (_, s) => ({
    points: points.subarray(first[s] * F, first[s + 1] * F),
    origin: origin.subarray(first[s] * 3, first[s + 1] * 3),
  }));
  return { mean, factors, kept };
}

interface Numbers {
  readonly F64: Float64Array;
  readonly F32: Float32Array;
  readonly I32: Int32Array;
}

function tensor<T extends keyof Numbers>(
  tensors: Attachment['tensors'],
  name: string,
  dtype: T,
  shape: readonly number[],
): Numbers[T] {
  const found = Object.hasOwn(tensors, name) ? tensors[name] : null;
  if (found?.dtype !== dtype || found.shape.join() !== shape.join()) {
    return refuse(name, `no numbers of type ${dtype} and shape [${shape.join(', ')}]`);
  }
  return found.data as Numbers[T];
}

/** The lower triangle of a matrix, row after row. */
function packed(L: Float64Array, F: number): Float64Array {
  const out = new Float64Array((F * (F + 1)) / 2);
  for (let f = 0, at = 0; f < F; at += ++f) out.set(L.subarray(f * F, f * F + f + 1), at);
  return out;
}

function unpacked(triangle: Float32Array, F: number): Float64Array {
  const L = new Float64Array(F * F);
  for (let f = 0, at = 0; f < F; at += ++f) L.set(triangle.subarray(at, at + f + 1), f * F);
  return L;
}

function refuse(field: string, message: string): never {
  throw new NearsightError('bad-model-file', `what the model knows of its training domain is damaged: ${message}`, {
    hint: 'the file is damaged or was not written by nearsight: get it anew, or train the model again',
    place: { field: field === '' ? 'domain' : `domain.${field}` },
  });
}
