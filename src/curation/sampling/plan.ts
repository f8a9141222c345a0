/** A sampling plan as data: a tree of parts, each of which makes structures from the one it is given. */
import type { Composition } from '../../structure/alloys.ts';
import type { StrainComponent } from '../../structure/strains.ts';

/** What each kind of part is told. Lengths in Å, times in fs, temperatures in K, strains dimensionless. */
export interface PartSettings {
  /** The structure as it comes. */
  readonly 'as-is': Readonly<Record<string, never>>;
  /** (1 + ε) r for evenly spaced ε, the ends included. */
  readonly hydrostatic: StrainScan;
  /** Stretches along x, y, z; those that symmetry makes the same once. */
  readonly uniaxial: StrainScan & { readonly axes: readonly StrainComponent[] };
  /** Shears γ_yz, γ_xz, γ_xy (engineering strains, γ = 2 ε); those that symmetry makes the same once. */
  readonly shear: StrainScan & { readonly axes: readonly StrainComponent[] };
  readonly rattle: RattleSettings;
  readonly harmonic: HarmonicSettings;
  readonly dynamics: DynamicsSettings;
  readonly vacancy: VacancySettings;
  readonly interstitial: InterstitialSettings;
  readonly substitution: SubstitutionSettings;
  readonly surface: SurfaceSettings;
  readonly alloy: AlloySettings;
}

export type PartKind = keyof PartSettings;

export interface StrainScan {
  readonly strain: readonly [number, number];
  readonly count: number;
}

/** Atoms displaced at random, independently of each other. */
export interface RattleSettings {
  /** Standard deviation of each coordinate, Å, or where to take it from. */
  readonly width: number | { readonly temperature: readonly number[]; readonly debye: number } | EinsteinWidth;
  /** Structures, for each temperature. */
  readonly count: number;
}

export interface EinsteinWidth {
  readonly temperature: readonly number[];
  /** Einstein temperature, K. */
  readonly einstein: number;
}

/** Atoms displaced along the vibrations that the potential gives them. */
export interface HarmonicSettings {
  readonly temperature: readonly number[];
  readonly count: number;
  /** Amplitudes of quantum oscillators (zero-point motion included), or of classical ones. */
  readonly quantum: boolean;
}

/** Molecular dynamics with the potential, NVT. */
export interface DynamicsSettings {
  readonly temperature: readonly number[];
  /** Kept from each walker at each temperature. */
  readonly frames: number;
  /** Between kept frames. */
  readonly every: number;
  /** Before the first one. */
  readonly equilibrate: number;
  /** Independent runs for each temperature. */
  readonly walkers: number;
  /** null: by the lightest element. */
  readonly timestep: number | null;
  /** 1/fs. */
  readonly friction: number;
}

/** One atom out, or two; each symmetry-equivalent choice once. */
export interface VacancySettings {
  /** Elements that may go; null: all. */
  readonly of: readonly string[] | null;
  readonly atoms: 1 | 2;
  /** Farthest distance between two that go together. */
  readonly within: number;
  /** At most so many, drawn at random; null: all. */
  readonly count: number | null;
}

/** One atom more, in each of the largest voids that symmetry tells apart. */
export interface InterstitialSettings {
  /** null: those of the structure. */
  readonly elements: readonly string[] | null;
  readonly voids: number;
}

/** One atom replaced by another element, on each site that symmetry tells apart. */
export interface SubstitutionSettings {
  /** null: those of the structure, which makes antisites. */
  readonly elements: readonly string[] | null;
  readonly of: readonly string[] | null;
  /** At most so many, drawn at random; null: all. */
  readonly count: number | null;
}

export interface SurfaceSettings {
  /** Indices with respect to the cell of the structure. */
  readonly miller: readonly (readonly [number, number, number])[] | null;
  /** Instead: all planes with indices up to this that symmetry tells apart. */
  readonly largest: number | null;
  readonly layers: number;
  readonly vacuum: number;
  readonly terminations: 'first' | 'all';
}

/** Elements distributed at random in exact counts. */
export interface AlloySettings {
  readonly composition: readonly Composition[];
  /** Elements whose sites take part; null: all sites. */
  readonly of: readonly string[] | null;
  /** Structures, for each composition. */
  readonly count: number;
}

/** One node of the tree. */
export type PartOf<K extends PartKind> = {
  readonly kind: K;
  readonly settings: PartSettings[K];
  /** Three or nine integers; the structure is repeated before anything else. */
  readonly supercell: readonly number[] | null;
  /** Instead of the tag that the part would give. */
  readonly group: string | null;
  /** Whether everything that comes of it is kept, whatever the budget. */
  readonly keep: boolean;
  /** What is made of each structure that comes out; when empty, these are the result. */
  readonly each: readonly PlanPart[];
};

export type PlanPart = { [K in PartKind]: PartOf<K> }[PartKind];

export interface SamplingPlan {
  readonly parts: readonly PlanPart[];
  /** Seed that the plan asks for; null: whoever runs it decides. */
  readonly seed: number | null;
  /** Structures to keep, chosen to lie as far apart as possible; null: all. */
  readonly budget: number | null;
  /** Path of the potential's file, as written; null: none. */
  readonly potential: string | null;
  /** Structures with a contact shorter than this share of the sum of covalent radii are refused. */
  readonly closest: number;
}

/** Whether a part of the plan cannot do without a potential. */
export function needsPotential(plan: SamplingPlan): boolean {
  const needs = ({ kind, each }: PlanPart): boolean =>
    kind === 'harmonic' || kind === 'dynamics' || each.some((part) => needs(part));
  return plan.parts.some(needs);
}
