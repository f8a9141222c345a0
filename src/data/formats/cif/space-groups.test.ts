import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hall_symbol_entry, initSync, operations_from_number } from '@spglib/moyo-wasm';
import { expect, test } from 'vitest';
import { spaceGroupOf, spaceGroupSettings } from './space-group-names.ts';
import { hallOperations, isGroup, parseOperation } from './symmetry-operations.ts';

const wasm = createRequire(import.meta.url)
  .resolve('@spglib/moyo-wasm')
  .replace(/moyo_wasm\.js$/, 'moyo_wasm_bg.wasm');
initSync({ module: readFileSync(wasm) });

const keyOf = (rotation: readonly number[], translation: readonly number[]): string =>
  `${rotation.map((c) => c + 0).join()} ${translation.map((t) => ((Math.round(24 * t) % 24) + 24) % 24).join()}`;

test('all 530 Hall symbols generate the operations that moyo has for them', () => {
  const settings = spaceGroupSettings();
  expect(settings).toHaveLength(530);
  for (const [k, { hall, number, name }] of settings.entries()) {
    const entry = hall_symbol_entry(k + 1);
    expect([number, hall]).toEqual([entry.number, entry.hall_symbol]);
    const names = [entry.hm_short, entry.hm_full].map((text) => text.replace(/[ _]/g, ''));
    expect(names).toContain(name.replace(/:.*/, ''));
    const ours = hallOperations(hall) ?? [];
    // moyo gives rotations by columns.
    const theirs = operations_from_number(number, { type: 'HallNumber', value: k + 1 }, false).map((operation) => {
      const [a, b, c, d, e, f, g, h, i] = operation.rotation;
      return keyOf([a, d, g, b, e, h, c, f, i], operation.translation);
    });
    expect(ours.map(({ rotation, translation }) => keyOf(rotation, translation)).sort()).toEqual(theirs.sort());
  }
});

test('a list of operations is a group only if it is whole', () => {
  const whole = hallOperations('-P 2ac 2n') ?? [];
  expect(isGroup(whole)).toBe(true);
  for (let k = 0; k < whole.length; k++) expect(isGroup(whole.toSpliced(k, 1))).toBe(false);
  expect(isGroup([...whole, whole[3]])).toBe(false);
});

test.each(['', 'P', 'P 5', 'Q 2', 'P 2 2 2 2z banana', 'P 31*', 'P 33', 'P 4"', 'P 2 (1 2)', 'P 3 4 6 2d'])(
  '%j is no Hall symbol',
  (symbol) => expect(hallOperations(symbol)).toBeNull(),
);

test('coordinates in words: signs, fractions and decimals in any order', () => {
  const place = { path: 'a.cif' };
  const parsed = parseOperation(' 1/2 - X , +y-z+.3333, -0.25+z ', place);
  expect(parsed.rotation.map((c) => c + 0)).toEqual([-1, 0, 0, 0, 1, -1, 0, 0, 1]);
  expect(parsed.translation).toEqual([0.5, 1 / 3, 0.75].map((t) => expect.closeTo(t, 12)));
});

test('every name finds its own setting, and 140 numbers need no name', () => {
  const place = { path: 'a.cif' };
  const settings = spaceGroupSettings();
  const name = (symbol: string | null, number: string | null) =>
    spaceGroupOf({ symbol, number, setting: null, hexagonal: true }, place).hall;
  for (const setting of settings) {
    const same = settings.filter(({ name }) => name === setting.name).length;
    expect(same, setting.name).toBe(1);
    expect(name(setting.name, String(setting.number))).toBe(setting.hall);
  }
  const alone = Array.from({ length: 230 }, (_, k) => settings.filter(({ number }) => number === k + 1)).filter(
    (group) => group.length === 1,
  );
  expect(alone).toHaveLength(140);
  for (const [{ number, hall }] of alone) expect(name(null, String(number))).toBe(hall);
  expect(name('P 1 21/c 1', null)).toBe('-P 2ybc');
  expect(name('P 21/n', null)).toBe('-P 2yn');
  expect(name('I 41/a m d :2', null)).toBe('-I 4bd 2');
});
