import { expect, test } from 'vitest';
import { formatError, NearsightError } from '../../errors.ts';
import { createRandom, type Random } from '../../random.ts';
import { parseExtxyz } from './read.ts';
import { writeExtxyz } from './write.ts';

/** Small files that between them use every branch of the reader. */
const SEEDS: readonly string[] = [
  '2\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 stress="1 2 3 4 5 6" config_type=a pbc="T T F"\nSi 0.5 -1 2e-3 0.1 0.2 0.3\nC 1 2 3 -0.1 -0.2 -0.3\n',
  '1\nLattice="4 5 6" Properties=Z:I:1:pos:R:3:tag:I:1:fixed:L:2:name:S:1 free_energy=2 virial="1 0 0 0 2 0 0 0 3" note="a \\"b\\"" x=[1,[2]] y={"z": 1} done\r\n14 1.25 2.5 3.75 -7 T F word\r\n',
  '3\n i = 5, time = 0.5, E = -17.1\nO 0 0 0\nH 0 0 1\nH 0 1 0\n\n1\n\nHe 0.0 0.0 0.0',
  '1\nlist="1 2.5 -3" truths="T F" json="_JSON [1, \\"a\\"]" uid=12345678901234567890 dft_energy=-3 label=CC __proto__=1 unit=Å\nU 1D-3 2e0 .5\n',
];

/** What tends to break readers. */
const TOKENS: readonly string[] = [
  ...[
    '1e400',
    '-1e400',
    'nan',
    'NaN',
    '-inf',
    '1e-400',
    '99999999999999999999',
    '1000000000000000',
    '-3',
    '0',
    '1e5',
    '.',
    '-',
    '+',
  ],
  ...[
    '0x10',
    '1_000',
    '1,5',
    '******',
    '"',
    "'",
    '\\',
    '[',
    '{',
    ']',
    '}',
    '=',
    '==',
    ':',
    'T',
    'F',
    '_JSON',
    '_JSON [',
    '""',
  ],
  ...[
    'Lattice="0 0 0 0 0 0 0 0 0"',
    'Lattice=',
    'pbc="T T T"',
    'Properties=',
    'Properties=species:S:1',
    'pos:R:3',
    ':R:99999',
  ],
  ...[
    'energy=',
    'energy=nan',
    'stress="1 2"',
    'virial="1 2 3 4 5 6"',
    'forces',
    '__proto__',
    'constructor=1',
    'toString',
    '\u2028',
  ],
  ...[
    '\ufeff',
    '\u0000',
    '\u0085',
    '\ud83d\ude00',
    'Si',
    'Xx',
    'é',
    '\t',
    '\r',
    '\n',
    '\n\n',
    ' ',
    '9007199254740993',
    '5e-324',
  ],
];

const pick = <T>(items: readonly T[], random: Random): T => items[random.below(items.length)];

function mutated(text: string, random: Random): Uint8Array {
  const kind = random.below(8);
  if (kind < 2) {
    const bytes = new TextEncoder().encode(text);
    for (let k = 1 + random.below(4); k > 0; k--) bytes[random.below(bytes.length)] = random.below(256);
    return kind === 0 ? bytes : bytes.subarray(0, random.below(bytes.length));
  }
  const parts = kind < 5 ? text.split(/(?<=\n)/) : text.split(/(?<=[\s=":]+)/);
  const at = random.below(parts.length);
  const changes: readonly (() => void)[] = [
    () => parts.splice(at, 1),
    () => parts.splice(at, 0, parts[at]),
    () => parts.splice(at, 1, pick(parts, random)),
    () => parts.splice(at, 0, pick(TOKENS, random)),
    () => parts.splice(at, 1, `${pick(TOKENS, random)} `),
    () => parts.splice(at, 1, String.fromCodePoint(1 + random.below(0xd7ff)).repeat(1 + random.below(5))),
    () => parts.splice(at, 1, pick(TOKENS, random).repeat(1 + random.below(500))),
  ];
  for (let k = 1 + random.below(3); k > 0; k--) pick(changes, random)();
  return new TextEncoder().encode(parts.join(''));
}

/** Every number that is handed over as physics is finite, and every array has its length. */
function checkFrames(bytes: Uint8Array): number {
  const frames = parseExtxyz(bytes, 'fuzz.xyz');
  for (const { structure, labels, arrays } of frames) {
    const atoms = structure.numbers.length;
    const forces = labels.forces ?? new Float64Array(3 * atoms);
    const stress = labels.stress ?? new Float64Array(9);
    const numbers = [structure.positions, structure.cell, forces, stress, Float64Array.of(labels.energy ?? 0)];
    const sound =
      [structure.positions.length, forces.length, stress.length].join() === [3 * atoms, 3 * atoms, 9].join() &&
      numbers.every((values) => values.every(Number.isFinite)) &&
      Object.values(arrays).every(({ values, columns }) => values.length === atoms * columns);
    if (!sound) expect.fail('a frame was handed over that is not sound');
  }
  // What was read can be written, unless its names cannot stand in a file.
  try {
    const again = parseExtxyz([...writeExtxyz(frames)].join(''), 'again.xyz');
    if (again.length !== frames.length) expect.fail('frames were lost');
  } catch (error) {
    if (!(error instanceof NearsightError && error.code.startsWith('unwritable'))) throw error;
  }
  return frames.length;
}

test('10,000 broken files are read or refused with a place and a remedy; nothing else is thrown', () => {
  const random = createRandom(20_240_501);
  const codes = new Map<string, number>();
  let read = 0;
  for (let run = 0; run < 10_000; run++) {
    const bytes = mutated(pick(SEEDS, random), random);
    try {
      checkFrames(bytes);
      read++;
    } catch (error) {
      if (!(error instanceof NearsightError)) {
        throw new Error(`run ${run}: ${JSON.stringify(new TextDecoder().decode(bytes).slice(0, 2000))}`, {
          cause: error,
        });
      }
      const { place, hint, message, code } = error;
      const placed = place.path === 'fuzz.xyz' && (code === 'empty-file' || (place.line ?? 0) > 0);
      if (!placed || !hint || message.length > 300) expect.fail(`run ${run}: ${formatError(error)}`);
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
  }
  // The mutations are worth something only if they reach most of what the reader looks at, and also pass it.
  expect(read).toBeGreaterThan(1000);
  expect(codes.size).toBeGreaterThan(15);
}, 20_000);

test('a huge declared number of atoms or columns takes no memory before rows arrive', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let run = 0; run < 200; run++) {
    expect(() => parseExtxyz(`100000000\nProperties=species:S:1:pos:R:3:a:R:9000\nSi 0 0 0\n`, 'x')).toThrow(
      NearsightError,
    );
    expect(() => parseExtxyz('100000000\n\nSi 0 0 0\n', 'x')).toThrow(NearsightError);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e8);
});
