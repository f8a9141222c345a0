/** Properties of silicon from a potential, beside those that the DFT frames of the embedded data give. */
import type { Dataset, Frame } from '../data/index.ts';
import { finish, relax } from '../md/index.ts';
import type { Potential } from '../model/potential.ts';
import {
  type BirchMurnaghan,
  type EnergyVolumePoint,
  elasticConstants,
  fitBirchMurnaghan,
  type PropertyStep,
  stressStrain,
} from '../properties/index.ts';
import type { PropertyReport, PropertyRow, StrainCurve, StressStrain, VolumeCurve } from '../report/index.ts';
import { cellVolume, crystal, type StrainComponent, type Structure, strained } from '../structure/index.ts';
import { GPA } from '../units.ts';

/** Frames by what was done to the crystal, and which of them the potential was not trained on. */
export interface SiliconReference {
  readonly dataset: Dataset;
  readonly heldOut: ReadonlySet<Frame>;
}

export interface SiliconProperties {
  readonly report: PropertyReport;
  /** The crystal at rest. */
  readonly relaxed: Structure;
}

/** Where the experiments are from. */
export const EXPERIMENTS =
  'experiments at room temperature: lattice constant CODATA 2018; elastic constants McSkimin & Andreatch 1964, doi:10.1063/1.1702809';

/** The lattice constant around which the frames were made, Å. */
const A0 = 5.469;
/** Largest linear strain of the points that an equation of state is fitted to. */
const EOS_STRAIN = 0.035;
/** Strain of the points that elastic constants are taken from. */
const ELASTIC_STRAIN = 0.02;

/**
 * Lattice constant, equation of state, elastic constants and stress–strain lines. Where there is a DFT value, both are
 * taken from the same strained cells in the same way.
 * @throws NearsightError what the properties throw; the signal's reason when it fires
 */
export async function* siliconProperties(
  potential: Potential,
  { dataset, heldOut }: SiliconReference,
  signal: AbortSignal | undefined,
): AsyncGenerator<PropertyStep, SiliconProperties> {
  const stop = { ...(signal && { signal }) };
  const inGroup = (name: string): Frame[] => dataset.frames.filter((frame) => frame.group === name);
  const start = crystal('diamond', ['Si'], A0);
  const { structure: relaxed } = await finish(
    relax(start, potential, { cell: true, maxForce: 1e-3, maxStress: 1e-3, ...stop }),
  );
  signal?.throwIfAborted();
  yield { done: 1, total: 4 };
  const hydrostatic = inGroup('hydrostatic');
  const near = hydrostatic.filter(({ structure }) => Math.abs(structure.cell[0] / A0 - 1) < EOS_STRAIN);
  const own = fitBirchMurnaghan(near.map((frame) => predictedPoint(frame, potential)));
  const dft = fitBirchMurnaghan(near.map(labelledPoint));
  yield { done: 2, total: 4 };
  const relaxedIons = await finish(elasticConstants(relaxed, potential, stop));
  yield { done: 3, total: 4 };
  const uniaxial = inGroup('uniaxial');
  const shear = inGroup('shear');
  const lines: StressStrain[] = [];
  for (const [name, component, frames] of [
    ['uniaxial, σxx', 'xx', uniaxial],
    ['shear, σxy', 'xy', shear],
  ] as const) {
    const points = { component, from: -0.06, to: 0.06, points: 31, clamped: true };
    const { points: stresses } = await finish(stressStrain(start, potential, { ...points, ...stop }));
    const k = COMPONENTS[component];
    lines.push({
      name,
      potential: { strain: stresses.map((p) => p.strain), stress: stresses.map((p) => p.stress_GPa[k.voigt] * GPA) },
      ...labelledLine(frames, component, heldOut),
    });
  }
  const slopes = {
    own: stiffness(uniaxial, shear, predictedStress(potential)),
    dft: stiffness(uniaxial, shear, labelledStress),
  };
  const report: PropertyReport = {
    reference: `PBE, from the same strained cells as the potential's values; ${EXPERIMENTS}`,
    table: propertyTable({ own, dft, slopes, relaxedIons: relaxedIons.C44_GPa }),
    energyVolume: {
      potential: volumeCurve(scan(start, potential)),
      reference: volumeCurve(hydrostatic.filter((frame) => !heldOut.has(frame)).map(labelledPoint)),
      heldOut: volumeCurve(hydrostatic.filter((frame) => heldOut.has(frame)).map(labelledPoint)),
    },
    stressStrain: lines,
  };
  return { report, relaxed };
}

interface Stiffness {
  readonly C11: number;
  readonly C12: number;
  readonly C44: number;
}

function propertyTable(found: {
  readonly own: BirchMurnaghan;
  readonly dft: BirchMurnaghan;
  readonly slopes: { readonly own: Stiffness; readonly dft: Stiffness };
  readonly relaxedIons: number;
}): PropertyRow[] {
  const { own, dft, slopes } = found;
  const lattice = ({ volume_A3_per_atom: volume }: BirchMurnaghan): number => Math.cbrt(8 * volume);
  const row = (name: string, unit: string, value: number, reference?: number, experiment?: number): PropertyRow => ({
    name,
    unit,
    value,
    // As many digits as the potential's own value is shown with.
    ...(reference !== undefined && { reference: Number(reference.toPrecision(4)) }),
    ...(experiment !== undefined && { experiment }),
  });
  return [
    row('Lattice constant a0', 'Å', lattice(own), lattice(dft), 5.431),
    row('Bulk modulus', 'GPa', own.bulk_modulus_GPa, dft.bulk_modulus_GPa, 97.8),
    row('C11', 'GPa', slopes.own.C11, slopes.dft.C11, 165.6),
    row('C12', 'GPa', slopes.own.C12, slopes.dft.C12, 63.9),
    row('C44, atoms clamped', 'GPa', slopes.own.C44, slopes.dft.C44),
    row('C44, atoms relaxed', 'GPa', found.relaxedIons, undefined, 79.5),
  ];
}

function labelledPoint({ structure, labels }: Frame): EnergyVolumePoint {
  const atoms = structure.numbers.length;
  return {
    volume_A3_per_atom: cellVolume(structure.cell) / atoms,
    energy_eV_per_atom: (labels.energy ?? Number.NaN) / atoms,
  };
}

/** Energies of the crystal stretched and squeezed a little further than the frames were. */
function scan(start: Structure, potential: Potential): EnergyVolumePoint[] {
  return Array.from({ length: 61 }, (_, k) => {
    const strain = -0.085 + (0.17 * k) / 60;
    const structure = strained(start, [strain, 0, 0, 0, strain, 0, 0, 0, strain]);
    const atoms = structure.numbers.length;
    return {
      volume_A3_per_atom: cellVolume(structure.cell) / atoms,
      energy_eV_per_atom: potential.evaluate(structure).energy / atoms,
    };
  });
}

function predictedPoint(frame: Frame, potential: Potential): EnergyVolumePoint {
  const { energy } = potential.evaluate(frame.structure);
  return { ...labelledPoint(frame), energy_eV_per_atom: energy / frame.structure.numbers.length };
}

function volumeCurve(points: readonly EnergyVolumePoint[]): VolumeCurve {
  return { volume: points.map((p) => p.volume_A3_per_atom), energy: points.map((p) => p.energy_eV_per_atom) };
}

/** Where the stress of a component stands among six in Voigt order and in a 3×3 tensor. */
const COMPONENTS = { xx: { voigt: 0, tensor: 0 }, xy: { voigt: 5, tensor: 1 } } as const;
type Component = StrainComponent & keyof typeof COMPONENTS;

/** Strain of a frame of a series: along x, or the angle between x and y (an engineering strain). */
function strainOf({ structure: { cell } }: Frame, component: Component): number {
  return component === 'xx' ? cell[0] / cell[4] - 1 : (cell[1] + cell[3]) / cell[4];
}

type StressOf = (frame: Frame) => ArrayLike<number>;

const labelledStress: StressOf = ({ labels }) => labels.stress ?? new Float64Array(9).fill(Number.NaN);

const predictedStress =
  (potential: Potential): StressOf =>
  ({ structure }) => {
    const volume = cellVolume(structure.cell);
    return potential.evaluate(structure).strainGradient.map((g) => g / volume);
  };

function labelledLine(
  frames: readonly Frame[],
  component: Component,
  heldOut: ReadonlySet<Frame>,
): Pick<StressStrain, 'reference' | 'heldOut'> {
  const line = (some: readonly Frame[]): StrainCurve => ({
    strain: some.map((frame) => strainOf(frame, component)),
    stress: some.map((frame) => labelledStress(frame)[COMPONENTS[component].tensor]),
  });
  return {
    reference: line(frames.filter((frame) => !heldOut.has(frame))),
    heldOut: line(frames.filter((frame) => heldOut.has(frame))),
  };
}

/** Elastic constants, GPa, from the slopes between the two smallest strains of each series. */
function stiffness(uniaxial: readonly Frame[], shear: readonly Frame[], stressOf: StressOf): Stiffness {
  const slope = (frames: readonly Frame[], component: Component, tensor: number): number => {
    const ends = frames.filter((f) => Math.abs(Math.abs(strainOf(f, component)) - ELASTIC_STRAIN) < ELASTIC_STRAIN / 4);
    const [a, b] = ends.map((frame) => ({ strain: strainOf(frame, component), stress: stressOf(frame)[tensor] }));
    return (b.stress - a.stress) / (b.strain - a.strain) / GPA;
  };
  return { C11: slope(uniaxial, 'xx', 0), C12: slope(uniaxial, 'xx', 4), C44: slope(shear, 'xy', 1) };
}
