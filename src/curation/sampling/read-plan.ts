/** The YAML of a sampling plan: every mistake is told with its line and field. */
import { z } from 'zod';
import { type ConfigText, type FieldPath, nearestName, readConfigText } from '../../config-text.ts';
import { atomicNumberOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { exactCounts } from '../../structure/alloys.ts';
import type { PartKind, PartSettings, PlanPart, SamplingPlan } from './plan.ts';

const MOST = 100_000;
const count = z.int().min(1).max(MOST);
const positive = z.number().positive();
/** Strains beyond this tear any crystal apart. */
const strain = z.number().min(-0.5).max(1);
const range = z.tuple([strain, strain]);
const points = z.int().min(2).max(1000);
const oneOrMore = <T extends z.ZodType>(item: T): z.ZodType<z.output<T>[]> =>
  z.union([item.transform((value) => [value] as z.output<T>[]), z.array(item).min(1)]) as unknown as z.ZodType<
    z.output<T>[]
  >;
const temperature = oneOrMore(z.number().min(0).max(100_000));
const symbol = z.string().refine((name) => isSymbol(name), { error: ({ input }) => `"${input}" is no element` });
const symbols = oneOrMore(symbol).nullable().default(null);
const time = z.string({ error: 'a time needs its unit: 100fs, 1ps' }).transform((text, context) => {
  const match = /^(\d+\.?\d*|\.\d+)\s*(fs|ps|ns)$/.exec(text.trim());
  const value = match === null ? 0 : Number(match[1]) * { fs: 1, ps: 1e3, ns: 1e6 }[match[2] as 'fs' | 'ps' | 'ns'];
  if (value > 0) return value;
  context.addIssue({ code: 'custom', message: `"${text}" is no time; write it like 100fs or 1ps` });
  return z.NEVER;
});
const miller = z.tuple([z.int(), z.int(), z.int()]).refine((m) => m.some((n) => n !== 0), 'indices cannot all be 0');
const composition = z.record(z.string(), z.number()).superRefine((shares, context) => {
  const unknown = Object.keys(shares).find((name) => !isSymbol(name));
  if (unknown !== undefined) context.addIssue({ code: 'custom', message: `"${unknown}" is no element` });
  else if (!sumsToOne(shares)) context.addIssue({ code: 'custom', message: 'the shares of a composition sum to 1' });
});

const rattle = z
  .strictObject({
    width: positive.max(2).optional(),
    temperature: temperature.optional(),
    debye: positive.optional(),
    einstein: positive.optional(),
    count: count.default(1),
  })
  .transform(({ width, temperature, debye, einstein, count }, context): PartSettings['rattle'] => {
    if (width !== undefined && temperature === undefined && debye === undefined && einstein === undefined) {
      return { width, count };
    }
    if (width === undefined && temperature !== undefined && (debye === undefined) !== (einstein === undefined)) {
      return { width: debye === undefined ? { temperature, einstein: einstein! } : { temperature, debye }, count };
    }
    context.addIssue({
      code: 'custom',
      message: 'a rattle takes either a width (Å), or a temperature and one of debye and einstein (K)',
    });
    return z.NEVER;
  });

const surface = z
  .strictObject({
    miller: z
      .union([miller.transform((m) => [m]), z.array(miller).min(1)])
      .nullable()
      .default(null),
    largest: z.int().min(1).max(5).nullable().default(null),
    layers: z.int().min(1).max(1000),
    vacuum: positive.max(1000).default(15),
    terminations: z.enum(['first', 'all']).default('first'),
  })
  .refine((s) => (s.miller === null) !== (s.largest === null), 'give either miller: [h, k, l] or largest: 1');

const SETTINGS: { readonly [K in PartKind]: z.ZodType<PartSettings[K]> } = {
  'as-is': z.strictObject({}),
  hydrostatic: z.strictObject({ strain: range, count: points }),
  uniaxial: z.strictObject({
    strain: range,
    count: points,
    axes: oneOrMore(z.enum(['xx', 'yy', 'zz'])).default(['xx', 'yy', 'zz']),
  }),
  shear: z.strictObject({
    strain: range,
    count: points,
    axes: oneOrMore(z.enum(['yz', 'xz', 'xy'])).default(['yz', 'xz', 'xy']),
  }),
  rattle,
  harmonic: z.strictObject({ temperature, count, quantum: z.boolean().default(true) }),
  dynamics: z.strictObject({
    temperature,
    frames: count,
    every: time.default(100),
    equilibrate: time.default(1000),
    walkers: z.int().min(1).max(1000).default(1),
    timestep: time.nullable().default(null),
    friction: positive.max(1).default(0.01),
  }),
  vacancy: z.strictObject({
    of: symbols,
    atoms: z.union([z.literal(1), z.literal(2)]).default(1),
    within: positive.max(20).default(5),
    count: count.nullable().default(null),
  }),
  interstitial: z.strictObject({ elements: symbols, voids: z.int().min(1).max(100).default(2) }),
  substitution: z.strictObject({ elements: symbols, of: symbols, count: count.nullable().default(null) }),
  surface,
  alloy: z.strictObject({ composition: oneOrMore(composition), of: symbols, count }),
};

const repeat = z.int().min(1).max(100);
const frame = z.object({
  keep: z.boolean().default(false),
  supercell: z
    .union([repeat.transform((n) => [n, n, n]), z.tuple([repeat, repeat, repeat]), z.array(z.int()).length(9)])
    .nullable()
    .default(null),
  group: z
    .string()
    .regex(/^[\w.+-]+$/, 'a group is a word of letters, digits and . + - _')
    .nullable()
    .default(null),
});

const PLAN = {
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .nullable()
    .default(null),
  budget: count.nullable().default(null),
  potential: z.string().min(1).nullable().default(null),
  closest: z.number().min(0).max(1).default(0.6),
};
const plan = z.strictObject({ ...PLAN, parts: z.array(z.unknown()).min(1) });

const OF_ANY_PART = ['kind', 'supercell', 'group', 'keep', 'each'];
const KINDS = Object.keys(SETTINGS) as PartKind[];

/**
 * The plan that a YAML text describes; its grammar is in docs/sampling-plans.md.
 * @param path of the file, for messages
 * @throws NearsightError `bad-plan` with path, line and field; `bad-config` where it is not YAML at all
 */
export function parsePlan(text: string, path: string): SamplingPlan {
  const config = readConfigText(text, path);
  const { parts, ...settings } = checked(plan, config.value ?? {}, [], {
    config,
    known: [...Object.keys(PLAN), 'parts'],
  });
  return { ...settings, parts: parts.map((part, k) => partOf(part, ['parts', k], config)) };
}

function partOf(value: unknown, field: FieldPath, config: ConfigText): PlanPart {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mistake(config, field, 'a part is written as names and values', 'begin it with "- kind: …"');
  }
  const { kind, supercell, group, keep, each = [], ...settings } = value as Record<string, unknown>;
  const isKind = (name: unknown): name is PartKind => KINDS.some((known) => known === name);
  if (!isKind(kind)) {
    const near = typeof kind === 'string' ? nearestName(kind, KINDS) : null;
    const message = kind === undefined ? 'this part has no kind' : `no part is of the kind "${String(kind)}"`;
    const hint = near === null ? `known are ${KINDS.join(', ')}` : `did you mean "${near}"?`;
    throw mistake(config, kind === undefined ? field : [...field, 'kind'], message, hint);
  }
  const list = Array.isArray(each) ? each : [each];
  const inner = list.map((part, k) =>
    partOf(part, Array.isArray(each) ? [...field, 'each', k] : [...field, 'each'], config),
  );
  const known = [...OF_ANY_PART, ...settingsOf(kind)];
  const made = { ...checked(frame, { supercell, group, keep }, field, { config, known }), each: inner };
  // The schema under a kind's name gives the settings of that kind; TypeScript cannot follow that through the record.
  return {
    kind,
    settings: checked<PartSettings[PartKind]>(SETTINGS[kind], settings, field, { config, known }),
    ...made,
  } as PlanPart;
}

/** Names of the settings of a kind, for suggestions. */
function settingsOf(kind: PartKind): string[] {
  if (kind === 'rattle') return ['width', 'temperature', 'debye', 'einstein', 'count'];
  const schema: z.ZodType = SETTINGS[kind];
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

interface Reading {
  readonly config: ConfigText;
  readonly known: readonly string[];
}

function checked<T>(schema: z.ZodType<T>, value: unknown, field: FieldPath, { config, known }: Reading): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // A name that is misspelt is missing as well: the misspelling says more.
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const near = nearestName(key, known);
    const hint = near === null ? `known here are ${known.join(', ')}` : `did you mean "${near}"?`;
    throw mistake(config, [...field, ...plain(issue.path), key], `"${key}" is not a setting here`, hint);
  }
  const at = [...field, ...plain(issue.path)];
  const message = sentenceOf(issue, String(at[at.length - 1] ?? 'the plan'));
  throw mistake(config, at, message, 'docs/sampling-plans.md lists the settings of every kind of part');
}

/** What is wrong, in words; unions are told by what their last alternative says. */
function sentenceOf(issue: z.core.$ZodIssue, name: string): string {
  if (issue.code === 'invalid_union') {
    const told = issue.errors.flat().filter(({ code }) => code === 'custom');
    const other = issue.errors[issue.errors.length - 1]?.[0];
    return told.length > 0 ? told[0].message : other === undefined ? issue.message : sentenceOf(other, name);
  }
  if (/received undefined$/.test(issue.message)) return `"${name}" is missing`;
  return issue.message.replace(/^Invalid input: e/, 'E');
}

const plain = (path: readonly PropertyKey[]): (string | number)[] =>
  path.map((name) => (typeof name === 'number' ? name : String(name)));

function mistake(config: ConfigText, field: FieldPath, message: string, hint: string): NearsightError {
  return new NearsightError('bad-plan', message, { hint, place: config.place(field) });
}

function isSymbol(name: unknown): boolean {
  return typeof name === 'string' && holds(() => atomicNumberOf(name));
}

function sumsToOne(shares: Record<string, number>): boolean {
  return holds(() => exactCounts(shares, 1));
}

function holds(question: () => unknown): boolean {
  try {
    question();
    return true;
  } catch {
    return false;
  }
}
