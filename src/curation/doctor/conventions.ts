/** The conventions that labels come in, by name; a label times its factor's inverse is in nearsight's units. */
import { BOHR, GPA, HARTREE, KCAL_PER_MOL } from '../../units.ts';
import { DEVIATION } from './hypotheses.ts';

export type EnergyScale = 'ok' | 'per-atom';
export type EnergyUnit =
  | 'ok'
  | 'hartree'
  | 'rydberg'
  | 'kcal/mol'
  | 'kJ/mol'
  | 'forces-hartree/bohr'
  | 'atomic-units'
  | 'another-factor';
export type Sign = 'ok' | 'opposite';
export type StressUnit =
  | 'ok'
  | 'GPa'
  | 'kbar'
  | 'bar'
  | 'hartree/bohr3'
  | 'rydberg/bohr3'
  | 'kcal/mol/Å3'
  | 'virial'
  | 'virial-per-atom'
  | 'another-factor';
/** What stands in the places of yz, xz and xy. */
export type VoigtOrder = 'ok' | 'xy-yz-xz' | 'xz-xy-yz' | 'xy-xz-yz' | 'xz-yz-xy' | 'yz-xy-xz';

const KJ_PER_MOL = KCAL_PER_MOL / 4.184;
const HARTREE_PER_BOHR = HARTREE / BOHR;

/** (Change of the labelled energy) / (work of the labelled forces). */
export const ENERGY_FACTORS: Readonly<Record<Exclude<EnergyUnit, 'another-factor'>, number>> = {
  ok: 1,
  hartree: 1 / HARTREE,
  rydberg: 2 / HARTREE,
  'kcal/mol': 1 / KCAL_PER_MOL,
  'kJ/mol': 1 / KJ_PER_MOL,
  'forces-hartree/bohr': HARTREE_PER_BOHR,
  'atomic-units': 1 / BOHR,
};

/** (Labelled stress) / (stress in eV/Å³); virials are also multiplied by a volume. */
export const STRESS_FACTORS: Readonly<Record<Exclude<StressUnit, 'another-factor'>, number>> = {
  ok: 1,
  GPa: 1 / GPA,
  kbar: 10 / GPA,
  bar: 1e4 / GPA,
  'hartree/bohr3': BOHR ** 3 / HARTREE,
  'rydberg/bohr3': (2 * BOHR ** 3) / HARTREE,
  'kcal/mol/Å3': 1 / KCAL_PER_MOL,
  virial: 1,
  'virial-per-atom': 1,
};

export interface EnergyHypothesis {
  readonly scale: EnergyScale;
  readonly unit: EnergyUnit;
  readonly sign: Sign;
}

export const ENERGY_HYPOTHESES: readonly EnergyHypothesis[] = (['ok', 'per-atom'] as const).flatMap((scale) =>
  [...(Object.keys(ENERGY_FACTORS) as EnergyUnit[]), 'another-factor' as const].flatMap((unit) =>
    (['ok', 'opposite'] as const).map((sign) => ({ scale, unit, sign })),
  ),
);

/** ln of what each was worth before anything was looked at. */
export const ENERGY_PRIORS: readonly number[] = ENERGY_HYPOTHESES.map(
  ({ scale, unit, sign }) => DEVIATION * [scale, unit, sign].filter((part) => part !== 'ok').length,
);

/** Where the labels of the true yz, xz and xy stand among the places yz, xz, xy (0, 1, 2). */
export const ORDERS: Readonly<Record<VoigtOrder, readonly [number, number, number]>> = {
  ok: [0, 1, 2],
  'xy-yz-xz': [1, 2, 0],
  'xz-xy-yz': [2, 0, 1],
  'xy-xz-yz': [2, 1, 0],
  'xz-yz-xy': [1, 0, 2],
  'yz-xy-xz': [0, 2, 1],
};

export interface StressHypothesis {
  readonly sign: Sign;
  readonly unit: StressUnit;
  readonly order: VoigtOrder;
}

export const STRESS_HYPOTHESES: readonly StressHypothesis[] = (['ok', 'opposite'] as const).flatMap((sign) =>
  [...(Object.keys(STRESS_FACTORS) as StressUnit[]), 'another-factor' as const].flatMap((unit) =>
    (Object.keys(ORDERS) as VoigtOrder[]).map((order) => ({ sign, unit, order })),
  ),
);

export const STRESS_PRIORS: readonly number[] = STRESS_HYPOTHESES.map(
  ({ sign, unit, order }) => DEVIATION * [sign, unit, order].filter((part) => part !== 'ok').length,
);

/** Indices of yz, xz and xy in a 3 × 3 matrix. */
export const SHEAR: readonly [number, number, number] = [5, 2, 1];

/** What the labels of a frame have to be multiplied with to be in eV, eV/Å. */
export function energyCorrection(
  { scale, unit, sign }: EnergyHypothesis,
  atoms: number,
): { readonly energy: number; readonly forces: number } {
  const count = scale === 'per-atom' ? atoms : 1;
  const forces = sign === 'opposite' ? -1 : 1;
  switch (unit) {
    case 'forces-hartree/bohr':
      return { energy: count, forces: forces * HARTREE_PER_BOHR };
    case 'atomic-units':
      return { energy: count * HARTREE, forces: forces * HARTREE_PER_BOHR };
    case 'another-factor':
      return { energy: count, forces };
    default:
      return { energy: count / ENERGY_FACTORS[unit], forces };
  }
}

/** The stress in eV/Å³, positive in tension, of a label that follows a convention; [9]. */
export function correctedStress(
  label: Float64Array,
  { sign, unit, order }: StressHypothesis,
  cell: { readonly volume: number; readonly atoms: number },
): Float64Array {
  const size = unit === 'virial' ? cell.volume : unit === 'virial-per-atom' ? cell.volume / cell.atoms : 1;
  const factor = (sign === 'opposite' ? -1 : 1) / (size * (unit === 'another-factor' ? 1 : STRESS_FACTORS[unit]));
  const [yz, xz, xy] = ORDERS[order].map((place) => factor * label[SHEAR[place]]);
  return Float64Array.of(factor * label[0], xy, xz, xy, factor * label[4], yz, xz, yz, factor * label[8]);
}
