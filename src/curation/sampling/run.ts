/** A sampling plan carried out: parts make structures, further parts make more of these, and a budget thins them. */
import type { InfoValue } from '../../data/dataset.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { giveTurn } from '../../md/progress.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom } from '../../random.ts';
import { supercell } from '../../structure/builders.ts';
import { determinant3 } from '../../structure/matrix3.ts';
import { checkStructure, type Structure } from '../../structure/structure.ts';
import type { SymmetryFinder } from '../../structure/symmetry.ts';
import { closestContacts } from '../doctor/closest.ts';
import { environmentSpace } from '../environment-space.ts';
import { type Coverage, coverageOf, MOST_POINTS } from './coverage.ts';
import type { Draft, Made, MakerTools, Sample, Variant } from './draft.ts';
import { MAKERS } from './makers.ts';
import { needsPotential, type PartKind, type PartOf, type PlanPart, type SamplingPlan } from './plan.ts';
import { farthestFrames } from './thinning.ts';

/** What the plan asked for and did not get. */
export interface Refusal {
  readonly group: string;
  /** Where in the plan: `parts[2].each[0]`. */
  readonly part: string;
  readonly code: string;
  readonly message: string;
}

export interface SamplingStep {
  /** Structures so far. */
  readonly made: number;
  /** Parts of the plan that are done, and all of them; the look at all environments is the last. */
  readonly part: number;
  readonly parts: number;
  readonly note: string;
}

export interface SamplingResult {
  /** In the order of the plan. */
  readonly samples: readonly Sample[];
  /** Structures that were made, before the budget. */
  readonly made: number;
  readonly refused: readonly Refusal[];
  /** Draws that were thrown away because of a short contact, and drawn again. */
  readonly redrawn: number;
  /** Structures that had been made before, bit for bit, and were not taken again. */
  readonly copies: number;
  readonly coverage: Coverage;
}

export interface SamplingTools {
  readonly symmetry: SymmetryFinder;
  /** Any; what is kept depends on it by rounding only. */
  readonly kernel: Kernel;
  readonly potential?: Potential | undefined;
  readonly seed: number;
  /** Written into `info.plan`: a hash of the plan's file. */
  readonly plan?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How often a random structure with a short contact is drawn again. */
const DRAWS = 20;
/** A supercell with more atoms is a mistake. */
const MOST_ATOMS = 200_000;

/**
 * Makes the structures of a plan. The same structure, plan, seed and version give the same bits; every part draws from
 * a generator of its own, so that adding a part leaves the others as they were. Nothing is labelled, also where a
 * potential moved the atoms.
 * @throws NearsightError `no-potential`, `nothing-made`, `budget-too-small`, what `checkStructure` throws; the signal's reason when it fires
 */
export async function* runPlan(
  structure: Structure,
  plan: SamplingPlan,
  tools: SamplingTools,
): AsyncGenerator<SamplingStep, SamplingResult> {
  checkStructure(structure);
  if (needsPotential(plan) && tools.potential === undefined) {
    throw new NearsightError(
      'no-potential',
      'the plan has parts that need a potential (dynamics, harmonic), and there is none',
      {
        hint: 'name a model in the plan (potential: model.safetensors), or take rattle with a width or a Debye temperature',
      },
    );
  }
  const work: Work = {
    plan,
    tools,
    samples: [],
    kept: new Set(),
    refused: [],
    redrawn: 0,
    copies: 0,
    known: new Map(),
    ordinals: new Map(),
    part: 0,
  };
  for (const [k, part] of plan.parts.entries()) {
    work.part = k;
    yield* grow(part, { structure, tags: [], info: {}, keep: false }, `parts[${k}]`, work);
  }
  if (work.samples.length === 0) {
    const [first] = work.refused;
    throw new NearsightError(
      'nothing-made',
      `the plan made no structure at all: ${first?.message ?? 'it asks for none'}`,
      {
        hint: 'look at the first reason, and mend the plan or the structure',
      },
    );
  }
  if (plan.budget !== null && work.kept.size > plan.budget) {
    throw new NearsightError(
      'budget-too-small',
      `${work.kept.size} structures are to be kept, the budget is ${plan.budget}`,
      {
        hint: 'raise the budget, or take "keep: true" from some parts',
      },
    );
  }
  yield stepOf(work, 'environments');
  await giveTurn();
  const everything = Array.from(work.samples.keys());
  const all = work.samples.map((sample) => sample.structure);
  const isThinned = plan.budget !== null && plan.budget < all.length;
  // Without a choice to make, the map alone needs environments, and it has room for some of them only.
  const shown = isThinned ? everything : evenlyThinned(all);
  const space = yield* described(
    environmentSpace(
      shown.map((k) => all[k]),
      tools.kernel,
    ),
    work,
  );
  const kept =
    plan.budget !== null && isThinned
      ? yield* described(farthestFrames(space, plan.budget, [...work.kept]), work)
      : everything;
  return {
    samples: numbered(kept.map((k) => work.samples[k])),
    made: all.length,
    refused: work.refused,
    redrawn: work.redrawn,
    copies: work.copies,
    coverage: coverageOf(work.samples, kept, { space, shown }),
  };
}

/** Numbers of structures, evenly spread, with about as many atoms as a map has points. */
function evenlyThinned(structures: readonly Structure[]): number[] {
  const atoms = structures.reduce((sum, { numbers }) => sum + numbers.length, 0);
  const stride = Math.max(1, atoms / MOST_POINTS);
  return Array.from(structures.keys()).filter((k) => k === 0 || Math.floor(k / stride) > Math.floor((k - 1) / stride));
}

/** What is being grown, with what it went through. */
interface Branch {
  readonly structure: Structure;
  readonly tags: readonly string[];
  readonly info: Readonly<Record<string, InfoValue>>;
  readonly keep: boolean;
}

interface Work {
  readonly plan: SamplingPlan;
  readonly tools: SamplingTools;
  readonly samples: Sample[];
  /** Numbers of those that the budget must not touch. */
  readonly kept: Set<number>;
  readonly refused: Refusal[];
  redrawn: number;
  copies: number;
  /** Numbers of the samples by their fingerprints. */
  readonly known: Map<string, number>;
  /** How many structures each part of the plan has been given so far. */
  readonly ordinals: Map<string, number>;
  part: number;
}

async function* grow(
  part: PlanPart,
  parent: Branch,
  path: string,
  work: Work,
): AsyncGenerator<SamplingStep, void, undefined> {
  const { plan, tools } = work;
  const refuse = (tag: string, code: string, message: string): void => {
    work.refused.push({ group: groupOf([...parent.tags, tag]), part: path, code, message });
  };
  const ordinal = work.ordinals.get(path) ?? 0;
  work.ordinals.set(path, ordinal + 1);
  const random = createRandom(hashOf(`${tools.seed} ${path} ${ordinal}`));
  const turns = { count: 0 };
  try {
    for await (const made of madeBy(part, parent.structure, { ...tools, random, origin: `${path}#${ordinal}` })) {
      tools.signal?.throwIfAborted();
      if ('note' in made) {
        yield stepOf(work, made.note);
        continue;
      }
      const tag = part.group ?? made.tag;
      if ('error' in made) {
        refuse(tag, made.error.code, made.error.message);
        continue;
      }
      const found = admitted(made, plan.closest, work);
      if ('problem' in found) {
        refuse(tag, 'short-contact', found.problem);
        continue;
      }
      const branch: Branch = {
        structure: found.structure,
        tags: tag === '' ? parent.tags : [...parent.tags, tag],
        info: { ...parent.info, ...found.info },
        keep: parent.keep || part.keep,
      };
      if (part.each.length === 0) collect(branch, work);
      for (const [k, inner] of part.each.entries()) yield* grow(inner, branch, `${path}.each[${k}]`, work);
      yield stepOf(work, branch.tags.join('+'));
      if (++turns.count % 50 === 0) await giveTurn();
    }
  } catch (error) {
    // A structure that a part cannot be applied to costs what that part would have made of it, not the plan.
    if (!(error instanceof NearsightError)) throw error;
    refuse(part.group ?? part.kind, error.code, error.message);
  }
}

async function* madeBy(
  part: PlanPart,
  parent: Structure,
  { symmetry, potential, signal, random, origin }: SamplingTools & Pick<MakerTools, 'random' | 'origin'>,
): AsyncGenerator<Made, void, undefined> {
  const start = part.supercell === null ? parent : repeated(parent, part.supercell);
  yield* making(part, start, { symmetry, random, origin, potential, signal });
}

/** Lets TypeScript see that the settings of a part belong to its kind. */
function making<K extends PartKind>(
  { kind, settings }: PartOf<K>,
  parent: Structure,
  tools: MakerTools,
): Iterable<Made> | AsyncIterable<Made> {
  return MAKERS[kind](parent, settings, tools);
}

function repeated(structure: Structure, repeats: readonly number[]): Structure {
  const copies = repeats.length === 3 ? repeats[0] * repeats[1] * repeats[2] : Math.abs(determinant3(repeats));
  const atoms = copies * structure.numbers.length;
  if (atoms > MOST_ATOMS) {
    throw new NearsightError('too-many-atoms', `a supercell of ${atoms} atoms is too large to be labelled`, {
      hint: `repeat the cell less often; the limit is ${MOST_ATOMS} atoms`,
    });
  }
  return supercell(structure, repeats);
}

/** Adds a structure, unless it has been made before, to the last bit (a strain of 0, say). */
function collect(branch: Branch, work: Work): void {
  const key = fingerprintOf(branch.structure);
  const before = work.known.get(key);
  if (before === undefined) {
    work.known.set(key, work.samples.length);
    work.samples.push(sampleOf(branch, work.tools));
  } else work.copies++;
  if (branch.keep) work.kept.add(before ?? work.samples.length - 1);
}

/** Two 32-bit hashes of all bits of a structure. */
function fingerprintOf({ numbers, positions, cell, pbc }: Structure): string {
  const words = [numbers, new Uint32Array(positions.buffer, positions.byteOffset, 2 * positions.length)];
  const text = `${numbers.length} ${cell.join()} ${pbc.join()}`;
  let [a, b] = [hashOf(text), hashOf(`.${text}`)];
  for (const list of words) {
    for (const word of list) {
      a = Math.imul(a ^ word, 0x01000193);
      b = Math.imul(((b << 13) | (b >>> 19)) ^ word, 0x85ebca6b);
    }
  }
  return `${a} ${b}`;
}

/** A structure without short contacts, drawn again where chance is involved; or what is wrong with it. */
function admitted(draft: Draft, closest: number, work: Work): Variant | { readonly problem: string } {
  for (let draw = 1; ; draw++) {
    const variant = draft.make();
    const problem = contactProblem(variant.structure, closest);
    if (problem === null) return variant;
    if (draft.random !== true) return { problem };
    if (draw === DRAWS) return { problem: `${problem}, and so in each of ${DRAWS} draws` };
    work.redrawn++;
  }
}

function contactProblem(structure: Structure, closest: number): string | null {
  const tightest = closest === 0 ? undefined : closestContacts(structure)?.tightest;
  if (tightest === undefined || tightest.ratio >= closest) return null;
  const [i, j] = tightest.atoms.map((atom) => `${symbolOf(structure.numbers[atom])} ${atom}`);
  return (
    `${i} and ${j} are ${tightest.distance.toFixed(3)} Å apart, ` +
    `${tightest.ratio.toFixed(2)} of the sum of their covalent radii (limit ${closest})`
  );
}

function sampleOf({ structure, tags, info }: Branch, { seed, plan }: SamplingTools): Sample {
  return { structure, group: groupOf(tags), info: { ...(plan !== undefined && { plan }), seed, ...info } };
}

const groupOf = (tags: readonly string[]): string => tags.filter((tag) => tag !== '').join('+') || 'as-is';

/** Each with an id: its group and its number within it, from 1. */
function numbered(samples: readonly Sample[]): Sample[] {
  const counts = new Map<string, number>();
  return samples.map((sample) => {
    const n = (counts.get(sample.group) ?? 0) + 1;
    counts.set(sample.group, n);
    return { ...sample, info: { id: `${sample.group}-${String(n).padStart(4, '0')}`, ...sample.info } };
  });
}

function stepOf({ samples, part, plan }: Work, note: string): SamplingStep {
  return { made: samples.length, part, parts: plan.parts.length + 1, note };
}

/** Passes on how far a later stage has come. */
async function* described<T>(stage: Generator<string, T>, work: Work): AsyncGenerator<SamplingStep, T> {
  work.part = work.plan.parts.length;
  let next = stage.next();
  for (; !next.done; next = stage.next()) {
    yield stepOf(work, next.value);
    work.tools.signal?.throwIfAborted();
    await giveTurn();
  }
  return next.value;
}

/** 32 bits of a text (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return hash >>> 0;
}
