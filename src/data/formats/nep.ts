/**
 * `train.xyz` of GPUMD's NEP: extended XYZ with keys in any case, forces called `force`, and the virial in eV, positive
 * under compression (W = −V σ); a stress has the sign and unit of nearsight. For GPUMD all directions repeat, whatever
 * `pbc` says. A virial of −1e6 throughout is GPUMD's way to say that there is none.
 * @see Fan et al. 2022, doi:10.1063/5.0106617; https://gpumd.org/nep/input_files/train_test_xyz.html
 */
import type { Place } from '../../errors.ts';
import { cellVolume } from '../../structure/cell.ts';
import { checkStructure } from '../../structure/structure.ts';
import type { AtomArray, Frame, InfoValue, Labels } from '../dataset.ts';
import { LABEL_NAMES, type LabelNames } from '../extxyz/labels.ts';
import { parseExtxyz } from '../extxyz/read.ts';
import { type WritableFrame, writeFrame } from '../extxyz/write.ts';
import { quoted, refusal } from '../refuse.ts';
import { type Format, joined } from './format.ts';
import { requireEnergyAndForces, requirePeriodic } from './shared/needs.ts';
import { unscaled } from './shared/scaling.ts';

export const NEP: Format = {
  name: 'nep',
  title: "NEP train.xyz (GPUMD's extended XYZ)",
  names: /\.nep$/i,
  labels: ['energy', 'forces', 'stress'],
  read: ([{ path, bytes }]) => parseExtxyz(bytes, path, { names: NAMES }).map((frame) => checked(frame, path)),
  write: (frames) => [{ path: '', content: joined(frames.map(writtenFrame)) }],
};

/** GPUMD knows no other names, but each of them in any case. */
const NAMES: LabelNames = {
  energy: ['energy', 'Energy', 'ENERGY'],
  forces: ['force', 'forces', 'Force', 'Forces', 'FORCE', 'FORCES'],
  virial: ['virial', 'Virial', 'VIRIAL'],
  stress: ['stress', 'Stress', 'STRESS'],
  group: LABEL_NAMES.group,
};
/** Keys that mean something, in lower case. */
const MEANINGFUL: readonly string[] = ['energy', 'virial', 'lattice', 'pbc', 'properties'];
const NO_VIRIAL = -1e6;

function checked(frame: Frame, path: string): Frame {
  const place = { path, line: frame.line + 1, frame: frame.index };
  const missed = Object.keys(frame.info).find(
    (key) => MEANINGFUL.includes(key.toLowerCase()) && key !== key.toLowerCase(),
  );
  if (missed !== undefined) {
    const hint = `write ${missed.toLowerCase()} in lower case`;
    throw refusal('bad-key', `the key ${quoted(missed)} is not understood in this spelling`, hint, {
      ...place,
      field: missed,
    });
  }
  if (frame.structure.cell.every((component) => component === 0)) {
    const hint = 'write Lattice="ax ay az bx by bz cx cy cz"; for plain extended XYZ say --from extxyz';
    throw refusal('bad-lattice', 'the frame has no lattice, which NEP files always have', hint, {
      ...place,
      field: 'lattice',
    });
  }
  return withoutAbsentVirial(frame, place);
}

function withoutAbsentVirial(frame: Frame, place: Place): Frame {
  const { stress, ...others } = frame.labels;
  if (stress === undefined || frame.names?.stress?.toLowerCase() !== 'virial') return frame;
  checkStructure(frame.structure, place);
  const absent = unscaled(stress[0], -1 / cellVolume(frame.structure.cell)) === NO_VIRIAL;
  if (!absent || stress[4] !== stress[0] || stress[8] !== stress[0]) return frame;
  const { stress: _, ...names } = frame.names;
  return { ...frame, labels: others, names };
}

/**
 * One frame. Energy and forces are obligatory, the virial is not. Of the info what GPUMD could take for something else
 * is left out.
 */
function writtenFrame(frame: WritableFrame, index: number): string {
  const place: Place = { frame: index };
  const { structure, group = '', info = {}, arrays = {} } = frame;
  checkStructure(structure, place);
  requirePeriodic(structure, 'NEP', place);
  const { energy, forces } = requireEnergyAndForces(frame.labels, 'NEP', place);
  const virial = virialOf(frame.labels, structure.cell);
  const safe = Object.entries(info).filter(([key, value]) => isSafe(key, value));
  const others = Object.entries(arrays).filter(([name]) => !/^(forces?|species|pos)$/i.test(name));
  const force: AtomArray = { type: 'R', columns: 3, values: forces };
  const dialect: WritableFrame = {
    structure,
    labels: { energy },
    group,
    info: { ...(virial === undefined ? {} : { virial }), ...Object.fromEntries(safe) },
    arrays: { force, ...Object.fromEntries(others) },
  };
  return [...writeFrame(dialect, index)].join('');
}

/** −V σ row by row, eV, such that reading gives the same stress again. */
function virialOf(labels: Labels | undefined, cell: Float64Array): readonly number[] | undefined {
  if (labels?.stress === undefined) return undefined;
  const factor = -1 / cellVolume(cell);
  return Array.from(labels.stress, (component) => unscaled(component, factor));
}

/** GPUMD looks for its keys at the head of every word, also within quotes. */
function isSafe(key: string, value: InfoValue): boolean {
  const reserved = /^(energy|virial|stress|lattice|properties|pbc|dipole|pol|bec)$/i;
  return !reserved.test(key) && !String(value).includes('=');
}
