/** A linear potential fitted to the forces of a few frames: what it says of the energies and stresses of others. */
import type { Frame } from '../../data/dataset.ts';
import { NearsightError } from '../../errors.ts';
import type { Kernel, KernelModel, KernelSystem } from '../../kernels/kernels.ts';
import { weightLayout } from '../../kernels/kernels.ts';
import { cellVolume } from '../../structure/cell.ts';
import { systemOf } from '../../training/linear/descriptor.ts';
import { addBlock, emptyEquations, type NormalEquations, solveEquations } from '../../training/linear/linear-fit.ts';
import { createLinearModel, type LinearModel, openLinearModel } from '../../training/linear/linear-model.ts';

/** What the model says of one frame; its unit of energy is that of the labelled forces times Å. */
export interface ModelSays {
  /** Index of the frame in the data set. */
  readonly frame: number;
  /** Up to a constant for each element. */
  readonly energy: number;
  /** (1/V) ∂E/∂ε, [9]; null without a volume. */
  readonly stress: Float64Array | null;
}

/** Atoms that the forces are fitted on, and that the model is asked about. */
const FIT_ATOMS = 600;
const ASKED_ATOMS = 5000;
/** Larger frames are left out: a few of them would take longer than all the rest. */
const MOST_IN_FRAME = 1500;
/** Elements beyond which nothing is to be expected of a linear model. */
const MOST_ELEMENTS = 8;
const FEWEST_FRAMES = 3;
/** Of each column; a model that is to foretell must be smoother than one that is to describe. */
const FIT_RIDGE = 1e-5;
/** The cut-off is so many nearest-neighbour distances, within these bounds, Å. */
const REACH = 2.1;
const CUTOFFS: readonly [number, number] = [2.8, 5];

/**
 * Fits forces of frames drawn evenly from all groups and asks the model about more of them; null where that makes no
 * sense (too few frames with forces, too many elements, frames of thousands of atoms).
 * @param usable frames without defects
 * @param nearest typical distance between neighbours, Å
 */
export function askForceModel(
  frames: readonly Frame[],
  usable: readonly number[],
  kernel: Kernel,
  nearest: number,
): ForceModel | null {
  const small = usable.filter((index) => frames[index].structure.numbers.length <= MOST_IN_FRAME);
  const withForces = small.filter((index) => {
    const { labels, structure } = frames[index];
    return structure.numbers.length > 1 && labels.forces?.some((f) => f !== 0) === true;
  });
  const elements = new Set<number>();
  for (const index of withForces) for (const z of frames[index].structure.numbers) elements.add(z);
  if (withForces.length < FEWEST_FRAMES || elements.size > MOST_ELEMENTS) return null;
  const fitted = drawEvenly(frames, withForces, FIT_ATOMS);
  const seen = new Set(fitted.flatMap((index) => [...frames[index].structure.numbers]));
  const asked = drawEvenly(frames, small, ASKED_ATOMS).filter((index) =>
    frames[index].structure.numbers.every((z) => seen.has(z)),
  );
  const cutoff = Math.min(CUTOFFS[1], Math.max(CUTOFFS[0], REACH * nearest));
  const settings = { cutoff, onset: 0.6 * cutoff, radial: 8, channels: elements.size === 1 ? 8 : 4, seed: 1 };
  try {
    const model = createLinearModel(
      fitted.map((index) => frames[index].structure),
      kernel,
      settings,
    );
    const equations = forceEquations(model, kernel, frames, fitted);
    return openForceModel(model, kernel, equations, frames, asked);
  } catch (error) {
    // Frames that no list or descriptor can be made of (atoms on top of each other) leave us without this evidence.
    if (error instanceof NearsightError) return null;
    throw error;
  }
}

/** A fit to forces that energies can be added to. */
export interface ForceModel {
  /** What the model fitted to forces alone says. */
  says(): ModelSays[];
  /**
   * The same after energies were added to the fit: differences within classes of frames, in the unit of the model.
   * @param energyOf eV per frame or undefined @param classOf frames of different classes are not compared
   */
  saysWithEnergies(energyOf: (frame: number) => number | undefined, classOf: (frame: number) => string): ModelSays[];
  close(): void;
}

function forceEquations(
  model: LinearModel,
  kernel: Kernel,
  frames: readonly Frame[],
  fitted: readonly number[],
): NormalEquations {
  const equations = emptyEquations(model.parameters);
  const engine = openLinearModel(model, kernel);
  try {
    for (const index of fitted) {
      const { structure, labels } = frames[index];
      if (labels.forces === undefined) continue;
      addBlock(equations, { rows: engine.rows(structure).forces, targets: labels.forces, weight: 1 });
    }
  } finally {
    engine.close();
  }
  return equations;
}

/** How much a misfit of the energy per atom (eV) counts against one of a force component (eV/Å). */
const ENERGY_WEIGHT = 400;

function openForceModel(
  model: LinearModel,
  kernel: Kernel,
  equations: NormalEquations,
  frames: readonly Frame[],
  asked: readonly number[],
): ForceModel {
  const { elements, shape } = model.descriptor;
  const systems = asked.map((index) => systemOf(frames[index].structure, elements, shape.cutoff));
  const predictor = createPredictor(model, kernel);
  const saysWith = (fit: NormalEquations): ModelSays[] => {
    predictor.set(solveEquations(fit, FIT_RIDGE).coefficients);
    return asked.map((frame, k) => {
      const { energy, strain } = predictor.evaluate(systems[k]);
      const { structure } = frames[frame];
      const volume = structure.pbc.every(Boolean) ? cellVolume(structure.cell) : 0;
      return { frame, energy, stress: volume > 0 ? strain.map((value) => value / volume) : null };
    });
  };
  return {
    says: () => saysWith(equations),
    saysWithEnergies(energyOf, classOf) {
      const sum = { ...equations, matrix: equations.matrix.slice(), vector: equations.vector.slice() };
      for (const { rows, targets } of energyRows(asked, systems, { energyOf, classOf, predictor })) {
        addBlock(sum, { rows, targets, weight: ENERGY_WEIGHT });
      }
      return saysWith(sum);
    },
    close: () => predictor.close(),
  };
}

/** Energies per atom and their rows, class by class, less the mean of the class. */
function energyRows(
  asked: readonly number[],
  systems: readonly KernelSystem[],
  {
    energyOf,
    classOf,
    predictor,
  }: {
    readonly energyOf: (frame: number) => number | undefined;
    readonly classOf: (frame: number) => string;
    readonly predictor: Predictor;
  },
): { rows: Float64Array; targets: Float64Array }[] {
  const classes = new Map<string, { rows: Float64Array[]; targets: number[] }>();
  for (const [k, frame] of asked.entries()) {
    const energy = energyOf(frame);
    if (energy === undefined) continue;
    const name = classOf(frame);
    const members = classes.get(name) ?? { rows: [], targets: [] };
    classes.set(name, members);
    const atoms = systems[k].atoms;
    members.rows.push(predictor.energyRow(systems[k]).map((value) => value / atoms));
    members.targets.push(energy / atoms);
  }
  return Array.from(classes.values(), ({ rows, targets }) => {
    const n = rows.length;
    const P = rows[0].length;
    const flat = new Float64Array(n * P);
    const meanTarget = targets.reduce((sum, value) => sum + value, 0) / n;
    for (let c = 0; c < P; c++) {
      let mean = 0;
      for (let r = 0; r < n; r++) mean += rows[r][c] / n;
      for (let r = 0; r < n; r++) flat[r * P + c] = rows[r][c] - mean;
    }
    return { rows: flat, targets: Float64Array.from(targets, (value) => value - meanTarget) };
  });
}

interface Predictor {
  set(coefficients: Float64Array): void;
  evaluate(system: KernelSystem): { energy: number; strain: Float64Array };
  energyRow(system: KernelSystem): Float64Array;
  close(): void;
}

/** The linear model as a kernel model: one evaluation for each set of coefficients instead of one for each feature. */
function createPredictor(model: LinearModel, kernel: Kernel): Predictor {
  const { descriptor, mean, deviation, group, parameters: P } = model;
  const F = mean.length;
  const S = descriptor.elements.length;
  const groups = 1 + Math.max(...group);
  const shape = { ...descriptor.shape, hidden: [4, 4] as const, heads: groups };
  const layout = weightLayout(shape);
  const weights = new Float64Array(layout.length);
  weights.set(descriptor.weights.subarray(0, layout.w1));
  const engine: KernelModel = kernel.load(shape, weights);
  return {
    set(coefficients) {
      for (let g = 0; g < groups; g++) {
        let constant = 0;
        for (let f = 0; f < F; f++) {
          const w = coefficients[g * F + f] / deviation[f];
          weights[layout.skip + g * F + f] = w;
          constant -= w * mean[f];
        }
        weights.fill(constant, layout.b3 + g * S, layout.b3 + (g + 1) * S);
      }
      engine.setWeights(weights);
    },
    evaluate(system) {
      let energy = 0;
      const strain = new Float64Array(9);
      for (let g = 0; g < groups; g++) {
        const { energies, strainGradient } = engine.evaluate(groups === 1 ? system : seenBy(system, group, g), g);
        for (let i = 0; i < system.atoms; i++) if (group[system.species[i]] === g) energy += energies[i];
        for (let k = 0; k < 9; k++) strain[k] += strainGradient[k];
      }
      return { energy, strain };
    },
    energyRow(system) {
      const row = new Float64Array(P);
      const x = engine.features(system);
      for (let i = 0; i < system.atoms; i++) {
        const column = group[system.species[i]] * F;
        for (let f = 0; f < F; f++) row[column + f] += (x[i * F + f] - mean[f]) / deviation[f];
      }
      return row;
    },
    close: () => engine.close(),
  };
}

/** The same atoms, of which only those of one group of species see their neighbours. */
function seenBy(system: KernelSystem, group: Int32Array, g: number): KernelSystem {
  const { atoms, first, neighbours, species } = system;
  const some = new Int32Array(atoms + 1);
  const kept = new Int32Array(neighbours.length);
  for (let i = 0; i < atoms; i++) {
    some[i + 1] = some[i];
    if (group[species[i]] !== g) continue;
    kept.set(neighbours.subarray(first[i], first[i + 1]), some[i]);
    some[i + 1] += first[i + 1] - first[i];
  }
  return { ...system, first: some, neighbours: kept.slice(0, some[atoms]) };
}

/**
 * Frames from all groups in turn and from all over each group, up to about so many atoms; ascending. The k-th frame of
 * a group of n is the one at n times the k-th number of van der Corput's sequence 0, ½, ¼, ¾ ….
 */
export function drawEvenly(frames: readonly Frame[], indices: readonly number[], mostAtoms: number): number[] {
  const groups = new Map<string, number[]>();
  for (const index of indices) {
    const members = groups.get(frames[index].group);
    if (members === undefined) groups.set(frames[index].group, [index]);
    else members.push(index);
  }
  const drawn = new Set<number>();
  let atoms = 0;
  const steps = Math.max(0, ...[...groups.values()].map((members) => 2 ** Math.ceil(Math.log2(members.length))));
  for (let step = 0; step < steps && atoms < mostAtoms; step++) {
    const at = vanDerCorput(step);
    for (const members of groups.values()) {
      if (step >= 2 ** Math.ceil(Math.log2(members.length))) continue;
      const index = members[Math.floor(at * members.length)];
      const size = frames[index].structure.numbers.length;
      if (drawn.has(index) || (atoms + size > mostAtoms && drawn.size >= FEWEST_FRAMES)) continue;
      drawn.add(index);
      atoms += size;
    }
  }
  return [...drawn].sort((a, b) => a - b);
}

function vanDerCorput(k: number): number {
  let value = 0;
  for (let half = 0.5, rest = k; rest > 0; rest >>= 1, half /= 2) if (rest & 1) value += half;
  return value;
}
