/**
 * One model, one `.safetensors` file: what was learned as tensors, everything else as JSON in the metadata. Reading it
 * runs nothing from it. The file says nothing of clocks, threads or folders: the same training gives the same bytes.
 */
import { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import type { Place } from '../errors.ts';
import type { ErrorSummary } from './errors.ts';
import { type JsonObject, jsonObjectOf, jsonOf, parseJson, printable, shown } from './json.ts';
import type { Model } from './model.ts';
import {
  headOf,
  headSchemaFor,
  type ModelHead,
  modelOf,
  refuse,
  relocated,
  TOO_NEW,
  tensorsOf,
} from './model-record.ts';
import { readSafetensors, type Safetensors, type Tensor, writeSafetensors } from './safetensors.ts';
import type { ZblReach } from './zbl.ts';

export interface ModelFile {
  readonly model: Model;
  readonly parts: ModelParts;
  /** The full configuration of the training. */
  readonly settings: JsonObject;
  readonly provenance: Provenance;
  /** How the uncertainties were calibrated; null while they were not. */
  readonly calibration: JsonObject | null;
  /** What came out of the validation; null before it. */
  readonly validation: JsonObject | null;
  /** What the training environments are like, see `uncertainty/domain.ts`; null where nobody looked. */
  readonly domain: Attachment | null;
  /** How noisy the labels are, see `uncertainty/noise.ts`; null where nobody looked. */
  readonly noise: Attachment | null;
}

/** Knowledge beside the potential that a room above reads and writes: plain JSON, and numbers by name. */
export interface Attachment {
  readonly record: JsonObject;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

const ATTACHMENTS = ['domain', 'noise'] as const;

/** What is added to the learned part. A program that does not know a part that is there must not use the model. */
export interface ModelParts {
  readonly repulsion: Repulsion | null;
}

/** Pair repulsion at short distance: `zblPotential`. */
export interface Repulsion extends ZblReach {
  readonly kind: 'zbl';
}

/** Where a model comes from. */
export interface Provenance {
  readonly nearsightVersion: string;
  readonly dataset: readonly DatasetOrigin[];
  readonly split: {
    /** How training and validation frames were kept apart, in words. */
    readonly description: string;
    /** Frames in either part. */
    readonly train: number;
    readonly validation: number;
  };
  readonly seed: number;
  /** Epochs that were trained. */
  readonly epochs: number;
  /** Final errors; null where there were no such frames. */
  readonly errors: {
    readonly train: ErrorSummary | null;
    readonly validation: ErrorSummary | null;
    readonly test?: ErrorSummary;
  };
  /** Of a model that learned new elements and nothing else. */
  readonly grown?: GrownFrom;
  /** Of a model whose training started from another one. */
  readonly tuned?: TunedFrom;
  /** Of a model that was trained on labels of several levels of theory: which one it speaks, and the others. */
  readonly levels?: { readonly target: string; readonly others: readonly string[] };
}

/** What a grown model promises: structures of the old elements alone get the bits that the model before gave them. */
export interface GrownFrom {
  /** SHA-256 of the file of the model before, hex. */
  readonly from: string;
  /** Symbols of the new elements. */
  readonly elements: readonly string[];
  /** Rank of the correction that came with them; 0: none. */
  readonly adapter: number;
  readonly frozen: true;
  readonly oldChemistry: 'bit-identical';
}

export interface TunedFrom {
  /** SHA-256 of the file of the model before, hex. */
  readonly from: string;
  /** Names of the parts that were kept as they were. */
  readonly frozen: readonly string[];
  readonly referenceEnergies: 'kept' | 'refitted';
  /** Old frames that were mixed in against forgetting, and their share of every epoch; null: none. */
  readonly replay: { readonly frames: number; readonly share: number } | null;
}

/** One file of training data. */
export interface DatasetOrigin {
  /** Name without folders. */
  readonly source: string;
  /** Hex; '' for data that never were a file. */
  readonly sha256: string;
  readonly frames: number;
}

const FORMAT = 'nearsight-model';
const VERSION = '1';

/** What the numbers mean; stands in every file, in words. */
const CONVENTIONS = {
  length: 'Å',
  energy: 'eV, of the whole structure',
  forces: 'eV/Å, −∂E/∂r',
  stress: 'eV/Å³, (1/V) ∂E/∂ε, positive in tension',
  tensors: 'row-major, slowest dimension first; species in the order of model.elements',
} as const;

const count = z.int().min(0);
const errorOrNone = z.number().min(0).nullable();
const object = z.record(z.string(), z.unknown());
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

const repulsionSchema = z.strictObject({
  kind: z.literal('zbl'),
  scale: z.enum(['covalent', 'angstrom']),
  inner: z.number().min(0),
  outer: z.number().positive().max(10),
});

const summarySchema = z.strictObject({
  frames: count,
  atoms: count,
  energy_mae_meV_per_atom: errorOrNone,
  energy_rmse_meV_per_atom: errorOrNone,
  energy_max_meV_per_atom: errorOrNone,
  energy_count: count,
  force_mae_meV_per_A: errorOrNone,
  force_rmse_meV_per_A: errorOrNone,
  force_max_meV_per_A: errorOrNone,
  force_count: count,
  stress_mae_GPa: errorOrNone,
  stress_rmse_GPa: errorOrNone,
  stress_max_GPa: errorOrNone,
  stress_count: count,
});

const provenanceSchema = z.strictObject({
  nearsightVersion: z.string(),
  dataset: z.array(
    z.strictObject({
      source: z.string().regex(/^[^/\\]*$/, 'must be a name without folders'),
      sha256: z.string().regex(/^([0-9a-f]{64})?$/, 'must be 64 hexadecimal digits, or nothing'),
      frames: count,
    }),
  ),
  split: z.strictObject({ description: z.string(), train: count, validation: count }),
  seed: z.int(),
  epochs: count,
  errors: z.strictObject({
    train: summarySchema.nullable(),
    validation: summarySchema.nullable(),
    test: summarySchema.optional(),
  }),
  grown: z
    .strictObject({
      from: sha256,
      elements: z.array(z.string()).min(1),
      adapter: count,
      frozen: z.literal(true),
      oldChemistry: z.literal('bit-identical'),
    })
    .optional(),
  tuned: z
    .strictObject({
      from: sha256,
      frozen: z.array(z.string()),
      referenceEnergies: z.enum(['kept', 'refitted']),
      replay: z.strictObject({ frames: count, share: z.number().gt(0).lt(1) }).nullable(),
    })
    .optional(),
  levels: z.strictObject({ target: z.string(), others: z.array(z.string()) }).optional(),
});

/** The metadata apart from format, version and model, each of them JSON. A later version adds its own as optional. */
const metadataSchema = z.strictObject({
  conventions: z.strictObject({
    length: z.literal(CONVENTIONS.length),
    energy: z.literal(CONVENTIONS.energy),
    forces: z.literal(CONVENTIONS.forces),
    stress: z.literal(CONVENTIONS.stress),
    tensors: z.literal(CONVENTIONS.tensors),
  }),
  parts: z.strictObject({ repulsion: repulsionSchema.nullable() }),
  settings: object,
  provenance: provenanceSchema,
  calibration: object.nullable(),
  validation: object.nullable(),
  domain: object.optional(),
  noise: object.optional(),
});

/** What a model file says of the data it was trained on. */
export function datasetOrigin({ source, sha256, frames }: Dataset): DatasetOrigin {
  return {
    source: source.slice(Math.max(source.lastIndexOf('/'), source.lastIndexOf('\\')) + 1),
    sha256,
    frames: frames.length,
  };
}

/**
 * The bytes of a model file; equal models give equal bytes. What `decodeModel` would refuse is refused here.
 * @throws NearsightError as `decodeModel`, and `not-json` for settings that are not plain data
 */
export function encodeModel(file: ModelFile): Uint8Array {
  const { model, parts, settings, provenance, calibration, validation } = file;
  const attached = ATTACHMENTS.filter((name) => file[name] !== null);
  const sections = {
    conventions: CONVENTIONS,
    model: headOf(model),
    parts,
    settings,
    provenance,
    calibration,
    validation,
    ...Object.fromEntries(attached.map((name) => [name, file[name]?.record])),
  };
  const metadata = Object.entries(sections).map(([name, value]) => [name, JSON.stringify(jsonOf(value, name))]);
  const bytes = writeSafetensors({
    tensors: { ...tensorsOf(model), ...Object.fromEntries(attached.flatMap((name) => attachedTensors(file, name))) },
    metadata: { format: FORMAT, version: VERSION, ...Object.fromEntries(metadata) },
  });
  decodeModel(bytes, 'the model to be written');
  return bytes;
}

function attachedTensors(file: ModelFile, name: (typeof ATTACHMENTS)[number]): [string, Tensor][] {
  return Object.entries(file[name]?.tensors ?? {}).map(([own, tensor]) => [`${name}.${own}`, tensor]);
}

/**
 * A model from the bytes of its file. Every shape and every number is checked; what is not understood is refused.
 * @param source path or name, for errors
 * @throws NearsightError `bad-safetensors`, `not-a-model` (some other file), `model-version` (made by a version that
 *   this one does not understand), `bad-model-file` (damaged, or made by something else)
 */
export function decodeModel(bytes: Uint8Array, source: string): ModelFile {
  const content = readSafetensors(bytes, source, { finite: true });
  checkFormat(content.metadata, source);
  const { conventions: _, model: head, parts, ...rest } = readMetadata(content.metadata, source);
  if (parts.repulsion !== null && parts.repulsion.inner >= parts.repulsion.outer) {
    refuse({ path: source, field: 'parts.repulsion' }, 'the inner radius is not smaller than the outer one');
  }
  const free = (name: 'settings' | 'calibration' | 'validation' | 'domain' | 'noise'): JsonObject | null => {
    const value = rest[name] ?? null;
    return value === null ? null : relocated({ path: source, field: name }, () => jsonObjectOf(value, name));
  };
  const [own, ...others] = divided(content.tensors);
  const [domain, noise] = ATTACHMENTS.map((name, k): Attachment | null => {
    const record = free(name);
    return record === null ? null : { record, tensors: others[k] };
  });
  const stray = ATTACHMENTS.flatMap((name, k) => (rest[name] === undefined ? Object.keys(others[k]) : []));
  if (stray.length > 0) refuse({ path: source, field: printable(stray[0]) }, 'numbers without a word on what they are');
  return {
    model: modelOf(own, head, source),
    parts,
    settings: free('settings') ?? {},
    provenance: rest.provenance,
    calibration: free('calibration'),
    validation: free('validation'),
    domain,
    noise,
  };
}

/** The tensors of the model itself, and those of each attachment under their own names. */
function divided(tensors: Safetensors['tensors']): Record<string, Tensor>[] {
  const parts: Record<string, Tensor>[] = [{}, ...ATTACHMENTS.map(() => ({}))];
  for (const [name, tensor] of Object.entries(tensors)) {
    const k = ATTACHMENTS.findIndex((attachment) => name.startsWith(`${attachment}.`));
    parts[k + 1][k < 0 ? name : name.slice(ATTACHMENTS[k].length + 1)] = tensor;
  }
  return parts;
}

function checkFormat({ format, version }: Safetensors['metadata'], source: string): void {
  if (format !== FORMAT) {
    refuse(
      { path: source },
      format === undefined ? 'not a nearsight model' : `a file of format ${shown(format)}, not a model`,
      {
        code: 'not-a-model',
        hint: 'give the .safetensors file that a training wrote as its model',
      },
    );
  }
  if (version !== VERSION) {
    refuse({ path: source }, `version ${shown(version)} of the model file; this nearsight reads version ${VERSION}`, {
      code: 'model-version',
      hint: TOO_NEW,
    });
  }
}

function readMetadata(
  metadata: Safetensors['metadata'],
  source: string,
): z.infer<typeof metadataSchema> & { model: ModelHead } {
  const sections: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(metadata)) {
    if (name === 'format' || name === 'version') continue;
    sections[name] = parseJson(text, (what) => refuse({ path: source, field: printable(name) }, `the text ${what}`));
  }
  const result = metadataSchema.extend({ model: headSchemaFor(sections.model) }).safeParse(sections);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place: Place = { path: source, field: issue.path.length === 0 ? undefined : issue.path.join('.') };
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.slice(0, 3).map(shown).join(', ');
    return refuse(place, `says ${keys}, which is not understood`, { code: 'model-version', hint: TOO_NEW });
  }
  return refuse(place, `${issue.message}; the file says ${shown(valueAt(sections, issue.path))}`);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return value;
}
