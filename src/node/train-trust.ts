/** What a training finds out about its model before it is written: its domain, the noise of the labels, calibration. */
import type { Frame } from '../data/dataset.ts';
import type { Kernel } from '../kernels/kernels.ts';
import type { LoadedPotential, ModelFile } from '../model/index.ts';
import {
  type Calibration,
  calibrate,
  committeeJudge,
  type EarlierDomain,
  encodeCalibration,
  fitNoise,
  judgeFrames,
  measureDomain,
  openNoise,
  type SourcedFrame,
} from '../uncertainty/index.ts';

export interface TrustFrames {
  readonly train: readonly Frame[];
  readonly validation: readonly Frame[];
  /** Old frames that were mixed in. */
  readonly replay: readonly Frame[];
  /** What is known of trainings before this one. */
  readonly earlier?: EarlierDomain | undefined;
  /** Name of the file that a frame is from. */
  sourceOf(frame: Frame): string;
  /** How the validation frames were kept apart, in words. */
  readonly how: string;
}

/** Domain, noise and calibration of a model; each null where the frames say too little. */
export async function trustOf(
  draft: ModelFile,
  potential: LoadedPotential,
  kernel: Kernel,
  frames: TrustFrames,
): Promise<Pick<ModelFile, 'calibration' | 'domain' | 'noise'>> {
  const sourced = (list: readonly Frame[]): SourcedFrame[] =>
    list.map((frame) => ({ frame, source: frames.sourceOf(frame) }));
  const { train, validation, replay, earlier } = frames;
  const seen = sourced([...train, ...replay]);
  const domain = measureDomain(draft, kernel, { train: seen, heldOut: sourced(validation), earlier });
  const noise = fitNoise(potential, { train, heldOut: validation }, { seed: draft.provenance.seed });
  const calibration = await calibrationOf({ ...draft, noise }, potential, {
    ...{ heldOut: validation, train },
    how: `${frames.how} The training stopped where they were predicted best: to that degree they are known to it.`,
  });
  return { calibration: calibration === null ? null : encodeCalibration(calibration), domain, noise };
}

export interface CalibrationFrames {
  readonly heldOut: readonly Frame[];
  /** A help where the held-out frames are few; none for a model whose training data nobody has. */
  readonly train: readonly Frame[];
  /** How the held-out frames were kept apart, in words. */
  readonly how: string;
}

/** More frames or atoms than these are drawn from evenly: what they would add costs time, and says nothing new. */
const MOST_FRAMES = 400;
const MOST_ATOMS = 20_000;
const FRAMES_OF_ANY_SIZE = 40;

/** The calibration of the heads of a model; null with one head, or with too few frames. */
export async function calibrationOf(
  file: Pick<ModelFile, 'noise'>,
  potential: LoadedPotential,
  { heldOut, train, how }: CalibrationFrames,
): Promise<Calibration | null> {
  if (potential.members < 2 || heldOut.length === 0) return null;
  const judge = committeeJudge(potential, 'heads');
  const noise = openNoise(file.noise, potential);
  const witnesses = thinned(heldOut);
  const residuals = {
    heldOut: await judgeFrames(judge, witnesses, { noise }),
    train: train.length === 0 ? null : await judgeFrames(judge, thinned(train), { noise }),
  };
  return calibrate(judge.name, residuals, {
    frames: witnesses.length,
    atoms: atomsIn(witnesses),
    groups: [...new Set(witnesses.map(({ group }) => group))].sort(),
    how,
  });
}

function thinned(frames: readonly Frame[]): readonly Frame[] {
  const atoms = atomsIn(frames) / frames.length;
  const enough = Math.max(FRAMES_OF_ANY_SIZE, Math.min(MOST_FRAMES, Math.floor(MOST_ATOMS / atoms)));
  const count = Math.min(frames.length, enough);
  return Array.from({ length: count }, (_, k) => frames[Math.floor((k * frames.length) / count)]);
}

const atomsIn = (frames: readonly Frame[]): number =>
  frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
