/** Trainings that start from a model, grow it, or mix levels of theory, as a user would run them. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFrame } from '../../src/data/extxyz/write.ts';
import { type Frame, parseExtxyz } from '../../src/data/index.ts';
import { atomicNumberOf } from '../../src/elements.ts';
import { decodeModel, type ModelFile } from '../../src/model/index.ts';
import { json, nearsight, type Outcome, SILICON, start } from './run.ts';

let folder = '';
const path = (name: string): string => join(folder, name);
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const model = (name: string): ModelFile => decodeModel(readFileSync(path(name)), name);
const ok = (outcome: Outcome): Outcome => {
  expect(outcome.stderr).not.toContain('error');
  expect(outcome.code).toBe(0);
  return outcome;
};

function write(name: string, frames: readonly Frame[]): void {
  writeFileSync(path(name), frames.map((frame, k) => [...writeFrame(frame, k)].join('')).join(''));
}

/** Every second atom germanium, every energy lower by 3 eV for each: an element that is silicon but for its zero. */
function alloyed(frame: Frame): Frame {
  const Ge = atomicNumberOf('Ge');
  const numbers = frame.structure.numbers.map((z, i) => (i % 2 === 0 ? Ge : z));
  const energy = frame.labels.energy! - 3 * Math.ceil(numbers.length / 2);
  return { ...frame, structure: { ...frame.structure, numbers }, labels: { ...frame.labels, energy } };
}

/** The same at another level of theory: another zero, and forces a tenth larger. */
function elsewhere({ structure, labels, ...frame }: Frame): Frame {
  const energy = 1.1 * labels.energy! + 40 * structure.numbers.length;
  const forces = labels.forces!.map((f) => 1.1 * f);
  return { ...frame, structure, labels: { energy, forces }, info: { ...frame.info, level: 'high' } };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-transfer-'));
  const frames = parseExtxyz(readFileSync(SILICON, 'utf8'), 'silicon').filter(
    ({ structure }) => structure.numbers.length > 1,
  );
  const labelled = frames.map((frame) => ({ ...frame, labels: { ...frame.labels } }));
  write('old.extxyz', labelled.slice(0, 100));
  write('new.extxyz', labelled.slice(100));
  write('alloy.extxyz', [...labelled.slice(100, 116).map(alloyed), labelled[0]]);
  write(
    'low.extxyz',
    labelled.slice(0, 60).map((frame) => ({ ...frame, info: { ...frame.info, level: 'low' } })),
  );
  write('high.extxyz', labelled.slice(60, 76).map(elsewhere));
  writeFileSync(
    path('base.yaml'),
    'data: old.extxyz\nout: base.safetensors\nepochs: 30\nmodel: { radial: 4, channels: 4, hidden: [8, 8], lmax: 2, cutoff: 4.5 }\n',
  );
  ok(await run('train', 'base.yaml'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('fine-tuning', () => {
  test('keeps elements, sizes, statistics and what is frozen; says where it comes from; old and new errors apart', async () => {
    const outcome = ok(
      await run(
        ...['train', 'new.extxyz', '--from', 'base.safetensors', '--epochs', '4', '--out', 'tuned.safetensors'],
        ...['--freeze', 'descriptor,w2', '--replay', 'old.extxyz', '--json'],
      ),
    );
    const document = json(outcome) as { replay: Record<string, Record<string, number>> };
    expect(document.replay.before.force_rmse_meV_per_A).toBeGreaterThan(0);
    expect(document.replay.after.frames).toBe(100);
    const [before, after] = [model('base.safetensors'), model('tuned.safetensors')];
    expect(after.model.statistics).toEqual(before.model.statistics);
    expect(after.model.shape).toEqual(before.model.shape);
    expect(after.model.parameters).not.toEqual(before.model.parameters);
    const from = createHash('sha256')
      .update(readFileSync(path('base.safetensors')))
      .digest('hex');
    // The descriptor is frozen: old environments look as they did.
    expect(after.domain?.record).toMatchObject({ earlier: [{ sources: ['old.extxyz'] }] });
    expect(after.provenance.tuned).toEqual({
      ...{ from, frozen: ['descriptor', 'w2'], referenceEnergies: 'kept' },
      replay: { frames: 100, share: 0.5 },
    });
    // Both data sets have been seen by this model, and the old one once.
    expect(after.provenance.dataset.map(({ source }) => source)).toEqual(['old.extxyz', 'new.extxyz']);
    expect((after.settings.training as { rate: number }).rate).toBeCloseTo(0.001, 12);
  });

  test('another zero of energy is noticed, and told', async () => {
    const outcome = ok(
      await run('train', 'high.extxyz', '--from', 'base.safetensors', '--epochs', '2', '--out', 'high.safetensors'),
    );
    expect(outcome.stderr).toContain('reference energies fitted anew, since these labels have another zero');
    expect(model('high.safetensors').provenance.tuned?.referenceEnergies).toBe('refitted');
    const kept = ok(
      await run(
        ...['train', 'high.extxyz', '--from', 'base.safetensors', '--epochs', '1', '--out', 'kept.safetensors'],
        ...['--reference-energies', 'keep'],
      ),
    );
    expect(kept.stderr).not.toContain('fitted anew');
    expect(model('kept.safetensors').model.referenceEnergies).toEqual(
      model('base.safetensors').model.referenceEnergies,
    );
  });
});

describe('growing', () => {
  test('a new element: the old chemistry keeps its bits, as the file says', async () => {
    const outcome = ok(
      await run(
        ...['train', 'alloy.extxyz', '--from', 'base.safetensors', '--grow', 'Ge', '--adapter', '1'],
        ...['--epochs', '20', '--out', 'grown.safetensors'],
      ),
    );
    expect(outcome.stderr).toContain('1 frames without the new elements say nothing of them: left out');
    // Made as silicon with another zero: what is found is that zero.
    expect(outcome.stderr).toMatch(/reference energies of the new elements: Ge -/);
    expect(outcome.stdout).toContain('structures of the old elements get the same bits as before');
    const from = createHash('sha256')
      .update(readFileSync(path('base.safetensors')))
      .digest('hex');
    const { provenance, model: after } = model('grown.safetensors');
    expect(provenance.grown).toEqual({
      ...{ from, elements: ['Ge'], adapter: 1, frozen: true, oldChemistry: 'bit-identical' },
    });
    const { referenceEnergies: old } = model('base.safetensors').model;
    expect(after.referenceEnergies[0]).toBe(old[0]);
    expect(after.referenceEnergies[1] - old[0]).toBeCloseTo(-3, 1);
    const predictions = await Promise.all(
      ['base', 'grown'].map(async (name) => {
        ok(await run('evaluate', `${name}.safetensors`, 'new.extxyz', '--write', `${name}.extxyz`));
        return parseExtxyz(readFileSync(path(`${name}.extxyz`), 'utf8'), name).map(({ info, arrays }) => [
          ...[info.predicted_energy, info.predicted_stress],
          ...Array.from(arrays.predicted_forces.values, Number),
        ]);
      }),
    );
    expect(predictions[0][0].length).toBeGreaterThan(8);
    expect(predictions[1]).toEqual(predictions[0]);
    // What the old model knew of its domain, the grown one knows; of its errors on the new element nobody knows yet.
    const { domain, calibration } = model('grown.safetensors');
    expect(domain?.record).toMatchObject({ elements: ['Si', 'Ge'], earlier: [{ sources: ['old.extxyz'] }] });
    expect(calibration).toBeNull();
    expect(outcome.stdout).toContain('Uncertainties are not calibrated: ');
  });

  test.concurrent.each([
    [['alloy.extxyz', '--from', 'base.safetensors'], 'new-elements', 'add --grow Ge'],
    [['new.extxyz', '--from', 'base.safetensors', '--grow', 'Ge'], 'absent-element', 'no frame holds Ge'],
    [['new.extxyz', '--from', 'base.safetensors', '--grow', 'Si'], 'known-element', 'knows Si already'],
    [['alloy.extxyz', '--from', 'base.safetensors', '--grow', 'Ge', '--adapter', '3'], 'adapter-rank', 'rank 3'],
    [['new.extxyz', '--from', 'base.safetensors', '--freeze', 'embeding'], 'unknown-part', 'did you mean "embedding"?'],
    [['new.extxyz', '--from', 'base.safetensors', '--freeze', 'descriptor,readout'], 'nothing', 'nothing is left'],
    [['new.extxyz', '--from', 'base.safetensors', '--cutoff', '5'], 'other-shape', 'keeps its sizes'],
    [['new.extxyz', '--grow', 'Ge'], 'needs-a-model', 'name the model with --from'],
    [
      ['alloy.extxyz', '--from', 'base.safetensors', '--grow', 'Ge', '--replay', 'old.extxyz'],
      'conflict',
      'nothing to forget',
    ],
    [['low.extxyz', 'high.extxyz'], 'mixed-levels', 'with --level NAME'],
    [['new.extxyz', '--from', 'base.safetensors', '--replay', 'high.extxyz'], 'mixed-levels', 'high (16 frames)'],
    [['low.extxyz', '--val', 'high.extxyz', '--level', 'high'], 'no-frames', 'no frame of the level high to train on'],
    [['low.extxyz', '--val', 'high.extxyz', '--level', 'low'], 'no-validation', 'no frame of the level low is in high'],
    [['low.extxyz', 'high.extxyz', '--level', 'hihg'], 'unknown-level', 'low (60 frames), high (16 frames)'],
  ])('%j is refused: %s', async (args, _, sentence) => {
    const { code, stderr } = await run('train', ...args, '--epochs', '1', '--out', 'refused.safetensors');
    expect(stderr).toContain(sentence);
    expect(stderr).toContain('hint:');
    expect(code).toBe(3);
    expect(existsSync(path('refused.safetensors'))).toBe(false);
  });
});

test.each([
  ['data', ['new.extxyz', '--out', 'new.extxyz'], 'new.extxyz'],
  ['the model to start from', ['new.extxyz', '--from', 'base.safetensors', '--out', './base.safetensors'], 'base'],
])('%s are not overwritten', async (_, args, name) => {
  const file = path(args.at(-1)!);
  const before = readFileSync(file);
  const { code, stderr } = await run('train', ...args, '--epochs', '1');
  expect(code).toBe(2);
  expect(stderr).toContain(`would overwrite the input ${name}`);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('labels that were lifted to the target can be trained on together with its own', async () => {
  write(
    'bare.extxyz',
    [...parseExtxyz(readFileSync(path('high.extxyz'), 'utf8'), 'high')].map(({ info: _, ...f }) => ({
      ...f,
      info: {},
    })),
  );
  for (const target of ['high.extxyz', 'bare.extxyz']) {
    const lift = ['--target', target, '--low', 'low.extxyz', '--channels', '4', '--write', 'lifted.extxyz'];
    ok(await run('fidelity', ...lift));
    const lifted = [...parseExtxyz(readFileSync(path('lifted.extxyz'), 'utf8'), 'lifted')];
    expect(lifted[0].info.level).toBe(target === 'high.extxyz' ? 'high' : undefined);
    expect(lifted[0].info.lifted_from).toBe('low.extxyz');
    ok(await run('train', 'lifted.extxyz', target, '--epochs', '1', '--out', 'lifted.safetensors'));
  }
}, 60_000);

test('levels of theory: one model speaks the target, and learned from the other', async () => {
  const shape = 'model: { radial: 4, channels: 4, hidden: [8, 8], lmax: 2, cutoff: 4.5 }';
  writeFileSync(
    path('levels.yaml'),
    `data: [low.extxyz, high.extxyz]\nlevels: { target: HIGH }\nepochs: 20\ncommittee: 2\nout: both.safetensors\n${shape}\n`,
  );
  const outcome = ok(await run('train', 'levels.yaml', '--json'));
  expect(outcome.stderr).toContain('first 20 epochs of low, then high with it');
  const { model: both, provenance } = model('both.safetensors');
  expect(both.shape.heads).toBe(2);
  expect(provenance.levels).toEqual({ target: 'high', others: ['low'] });
  // Another zero of 40 eV/atom, and its own slope.
  const { train } = json(outcome) as { train: Record<string, number> };
  expect(train.frames).toBeLessThan(17);
  expect(train.energy_rmse_meV_per_atom).toBeLessThan(100);
  expect(train.force_rmse_meV_per_A).toBeLessThan(400);
});

test.each([
  ['--from', ['new.extxyz', '--from', 'base.safetensors', '--replay', 'old.extxyz']],
  ['--grow', ['alloy.extxyz', '--from', 'base.safetensors', '--grow', 'Ge']],
  ['--level', ['low.extxyz', 'high.extxyz', '--level', 'high', '--cutoff', '4']],
])('%s, interrupted and resumed: the same bytes; another plan is refused', async (name, args) => {
  const whole = `whole${name}.safetensors`;
  const part = `part${name}.safetensors`;
  ok(await run('train', ...args, '--epochs', '40', '--out', whole));
  let interrupted = 0;
  for (let tries = 0; !existsSync(path(part)); tries++) {
    const resume = tries > 0 ? ['--resume'] : [];
    const running = start(['train', ...args, '--epochs', '40', '--out', part, ...resume], folder);
    if (tries < 2) {
      await running.seen('training: epoch');
      running.child.kill('SIGINT');
    }
    const { code } = await running.ended;
    expect([0, 130]).toContain(code);
    if (code !== 130) continue;
    interrupted++;
    const other = await run('train', ...args, '--epochs', '40', '--out', part, '--resume', '--seed', '9');
    expect(other.stderr).toContain('belongs to a training with other data or settings');
  }
  expect(interrupted).toBeGreaterThan(0);
  expect(readFileSync(path(part)).equals(readFileSync(path(whole)))).toBe(true);
});
