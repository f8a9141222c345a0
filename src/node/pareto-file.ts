/** The folder of a front: names of its files, and pareto.json read and written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { NearsightError } from '../errors.ts';
import { parseJson } from '../model/json.ts';
import { type Front, type FrontPoint, frontOf, type Need } from '../training/front.ts';
import { OBJECTIVES, type Objective } from '../training/weight-sweep.ts';
import { readChunks, writeFileAtomically } from './files.ts';
import { VERSION } from './version.ts';

const FORMAT = 'nearsight-pareto';

/** What stands in a folder; a sweep that goes on needs no more than this and the models. */
export interface FrontRecord {
  /** SHA-256 of the plan of the sweep: it goes on only as it began. */
  readonly plan: string;
  /** Stops on the path, finished or not. */
  readonly stops: number;
  readonly objectives: readonly Objective[];
  /** Frames that the errors are of, and how they were held out. */
  readonly validation: { readonly frames: number; readonly description: string };
  readonly points: readonly FrontPoint[];
  /** The default one when undefined. */
  readonly need?: Need | undefined;
}

export const frontPath = (folder: string): string => join(folder, 'pareto.json');
export const chosenPath = (folder: string): string => join(folder, 'chosen.safetensors');

/** `default` for 0, then `point-01` … */
export const pointName = (stop: number): string => (stop === 0 ? 'default' : `point-${String(stop).padStart(2, '0')}`);

const error = z.number().min(0).nullable();
const weight = z.number().min(0);
const objective = z.enum(OBJECTIVES);
const point = z.object({
  name: z.string(),
  weights: z.strictObject({ energy: weight, forces: weight, stress: weight }),
  energy_mae_meV_per_atom: error,
  force_mae_meV_per_A: error,
  stress_mae_GPa: error,
  epochs: z.int().min(1),
  seconds: z.number().min(0),
  model: z.string().regex(/^[\w.-]+$/),
});
const record = z.object({
  format: z.literal(FORMAT),
  plan: z.string(),
  stops: z.int().min(1),
  objectives: z.array(objective).min(1),
  validation: z.strictObject({ frames: z.int().min(1), description: z.string() }),
  points: z.array(point).min(1),
  need: z.union([
    z.literal('knee'),
    z.strictObject({ lowest: objective, limits: z.partialRecord(objective, z.number().positive()) }),
  ]),
});

/**
 * pareto.json of a folder; null where there is none.
 * @throws NearsightError `bad-front` for what was not written by this program
 */
export async function readFront(folder: string): Promise<FrontRecord | null> {
  const path = frontPath(folder);
  if (!existsSync(path)) return null;
  const refuse = (what: string): never => {
    throw new NearsightError('bad-front', `this is no front that nearsight wrote: ${what}`, {
      hint: 'make it anew with nearsight pareto CONFIG --out FOLDER',
      place: { path },
    });
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(path)) chunks.push(chunk);
  const read = record.safeParse(parseJson(Buffer.concat(chunks).toString('utf8'), refuse));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return refuse(`${issue.path.join('.')}: ${issue.message}`);
}

/** What pareto.json and --json say of a front. */
export interface FrontDocument extends Omit<Front, 'points'> {
  readonly format: typeof FORMAT;
  readonly version: string;
  readonly plan: string;
  readonly stops: number;
  readonly validation: FrontRecord['validation'];
  readonly points: Front['points'];
  /** Time of all, in units of the time of the first point. */
  readonly time_ratio: number;
}

export function documentOf(record: FrontRecord): FrontDocument {
  const { plan, stops, validation, points, objectives, need } = record;
  const seconds = points.reduce((sum, p) => sum + p.seconds, 0);
  const time_ratio = Number((seconds / points[0].seconds).toPrecision(3));
  return {
    format: FORMAT,
    version: VERSION,
    plan,
    stops,
    validation,
    ...frontOf(points, objectives, need),
    time_ratio,
  };
}

export async function writeFront(folder: string, document: FrontDocument): Promise<void> {
  await writeFileAtomically(frontPath(folder), `${JSON.stringify(document, null, 2)}\n`);
}
