import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../tests/helpers/errors.ts';
import { createStructure } from '../../structure/structure.ts';
import type { Frame } from '../dataset.ts';
import { parseExtxyz } from '../extxyz/read.ts';
import type { WritableFrame } from '../extxyz/write.ts';
import { NEP } from './nep.ts';
import { expectReadOrRefused } from './shared/testing.ts';

const path = 'train.xyz';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): Frame[] => NEP.read?.([{ path, bytes: bytesOf(text) }], {}) ?? [];
const write = (frames: readonly WritableFrame[]): string => String(NEP.write?.(frames, {})[0].content);

const LATTICE = 'lattice="8 0 0 0 8 0 1 0 8"';
const ROWS = 'Te 1 2 3 0.5 0 0\nPb 4 2 3 -0.5 0 0\n';
const frame = (comment: string): string => `2\n${comment}\n${ROWS}`;
const PROPERTIES = 'properties=species:S:1:pos:R:3:force:R:3';

describe('reading', () => {
  test('keys in any case; the virial becomes a stress of the other sign', () => {
    // Two atoms 3 Å apart that pull each other with 0.5 eV/Å: W = Σ r ⊗ F = −1.5 eV along x, and the energy grows when
    // the cell is stretched, dE/dε = +1.5 eV.
    const text = frame(`Energy=-7.5 config_type=pair ${LATTICE} ${PROPERTIES} Virial="-1.5 0 0 0 0 0 0 0 0" weight=2`);
    const [found] = read(text);
    expect(found.labels.energy).toBe(-7.5);
    expect([...(found.labels.forces ?? [])]).toEqual([0.5, 0, 0, -0.5, 0, 0]);
    expect(found.labels.stress?.[0]).toBeCloseTo(1.5 / 512, 15);
    expect(found.structure.pbc).toEqual([true, true, true]);
    expect(found.group).toBe('pair');
    expect(found.info).toEqual({ config_type: 'pair', weight: 2 });
    // A stress has the sign of ASE.
    const stressed = read(frame(`energy=0 ${LATTICE} ${PROPERTIES} stress="0.1 0 0 0 0 0 0 0 0"`));
    expect(stressed[0].labels.stress?.[0]).toBe(0.1);
  });

  test('a virial of −1e6 is none', () => {
    const none = read(frame(`energy=1 ${LATTICE} ${PROPERTIES} virial="${'-1e6 '.repeat(9)}"`));
    expect(none[0].labels).toEqual({ energy: 1, forces: Float64Array.of(0.5, 0, 0, -0.5, 0, 0) });
    expect(none[0].names).toEqual({ energy: 'energy', forces: 'force' });
  });

  test('what a NEP file must have is asked for', () => {
    expect(errorOf('bad-lattice', () => read(frame(`energy=1 ${PROPERTIES}`))).place).toEqual({
      path,
      line: 2,
      frame: 0,
      field: 'lattice',
    });
    errorOf('bad-key', () => read(frame(`eNergy=1 ${LATTICE} ${PROPERTIES}`)));
    errorOf('truncated-file', () => read('2\n\n'));
  });
});

describe('writing', () => {
  const structure = createStructure(['Te', 'Pb'], [1, 2, 3, 4, 2, 3], [8, 0, 0, 0, 8, 0, 1, 0, 8]);
  const labels = { energy: -7.25, forces: Float64Array.of(0.1, 1 / 3, 0, -0.1, -1 / 3, 0) };
  const full: WritableFrame = {
    structure,
    labels: { ...labels, stress: Float64Array.of(0.25, 0.125, 0, 0.125, 0.5, 0, 0, 0, -1) },
    group: 'a group',
    info: { weight: 2, charge: 1, note: 'x energy=5', pol: 3 },
    arrays: { tag: { type: 'I', columns: 1, values: Int32Array.of(1, 2) } },
  };

  test('in the names and signs of GPUMD, and back bit for bit', () => {
    const text = write([full, { structure, labels }]);
    expect(text).toContain('Properties=species:S:1:pos:R:3:force:R:3:tag:I:1 energy=-7.25 config_type="a group" ');
    expect(text).toContain('virial="-128 -64 -0.0 -64 -256 -0.0 -0.0 -0.0 512" weight=2 charge=1 pbc="T T T"');
    const back = read(text);
    expect(back.map(({ structure: found }) => found)).toEqual([structure, structure]);
    expect(back.map(({ labels: found }) => found)).toEqual([full.labels, labels]);
    expect(back[0].group).toBe('a group');
    expect(back[0].arrays).toEqual(full.arrays);
    // GPUMD would take the word energy=5 within the note for the energy, and pol for a polarisability.
    expect(Object.keys(back[0].info)).toEqual(['config_type', 'weight', 'charge']);
  });

  test('nothing is made up', () => {
    errorOf('unwritable-missing-forces', () => write([{ structure, labels: { energy: 1 } }]));
    errorOf('unwritable-missing-energy', () => write([{ structure, labels: { forces: labels.forces } }]));
    errorOf('unwritable-boundary', () => write([{ structure: { ...structure, pbc: [true, true, false] }, labels }]));
    errorOf('unwritable-boundary', () => write([{ structure: createStructure(['He'], [0, 0, 0]), labels }]));
  });
});

test('5,000 broken files', () => {
  const sample = frame(`energy=1 ${LATTICE} ${PROPERTIES} virial="1 0 0 0 2 0 0 0 3"`);
  const outcome = expectReadOrRefused(
    ({ bytes }) => NEP.read?.([{ path, bytes }], {}),
    bytesOf(sample + frame(`energy=2 ${LATTICE} ${PROPERTIES} virial="${'-1e6 '.repeat(9)}"`)),
    { count: 5000, seed: 4, path },
  );
  expect(outcome.read).toBeGreaterThan(300);
  expect(outcome.codes.size).toBeGreaterThan(9);
});

const shared = new URL('../../../../shared/data/nep_PbTe/', import.meta.url);
test.skipIf(!existsSync(shared))('PbTe of GPUMD (skipped without ../shared/data) equals its conversion', () => {
  const load = (name: string): Uint8Array => new Uint8Array(gunzipSync(readFileSync(new URL(name, shared))));
  const frames = NEP.read?.([{ path, bytes: load('native/train.xyz.gz') }], {}) ?? [];
  const expected = parseExtxyz(load('train.extxyz.gz'), 'train.extxyz');
  const physics = ({ structure, labels, group }: Frame): unknown => ({ structure, labels, group });
  expect(frames).toHaveLength(25);
  expect(frames.map(physics)).toEqual(expected.map(physics));
  expect(read(write(frames)).map(physics)).toEqual(frames.map(physics));
  // GPUMD's own list of what it read: energies per atom, targets in the second column.
  const rows = new TextDecoder().decode(load('native/energy_train.out.gz')).trim().split('\n');
  for (const [k, row] of rows.entries()) {
    expect(Math.abs(Number(row.split(/\s+/)[1]) - (frames[k].labels.energy ?? 0) / 250)).toBeLessThan(1e-5);
  }
});
