import { describe, expect, test } from 'vitest';
import { NearsightError } from '../../errors.ts';
import type { Frame } from '../dataset.ts';
import { parseExtxyz, type ReadOptions, readExtxyz } from './read.ts';

const one = (text: string, options?: ReadOptions): Frame => {
  const frames = parseExtxyz(text, 'test.xyz', options);
  expect(frames).toHaveLength(1);
  return frames[0];
};
/** A frame of one silicon atom with this comment line. */
const withComment = (comment: string, options?: ReadOptions): Frame => one(`1\n${comment}\nSi 0 0 0\n`, options);

function refusalOf(text: string, options?: ReadOptions): NearsightError {
  try {
    parseExtxyz(text, 'test.xyz', options);
  } catch (error) {
    if (error instanceof NearsightError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const CUBE = 'Lattice="4 0 0 0 4 0 0 0 4"';

describe('a whole frame', () => {
  test('has its numbers, labels and everything else', () => {
    const frame = one(
      [
        '2',
        `${CUBE} Properties=species:S:1:pos:R:3:tag:I:1:forces:R:3:fixed:L:2:name:S:1 energy=-1.5 stress="1 2 3 4 5 6" config_type=bulk temperature=300 note="a b" done pbc="T T F"`,
        'Si 0.5 -1 2e-3 7 0.1 0.2 0.3 T F one',
        'C  1 2 3 -8 -0.1 -0.2 -0.3 F F zwei',
      ].join('\n'),
    );
    expect(frame.structure.numbers).toEqual(Int32Array.of(14, 6));
    expect(frame.structure.positions).toEqual(Float64Array.of(0.5, -1, 0.002, 1, 2, 3));
    expect(frame.structure.cell).toEqual(Float64Array.of(4, 0, 0, 0, 4, 0, 0, 0, 4));
    expect(frame.structure.pbc).toEqual([true, true, false]);
    expect(frame.labels.energy).toBe(-1.5);
    expect(frame.labels.forces).toEqual(Float64Array.of(0.1, 0.2, 0.3, -0.1, -0.2, -0.3));
    // Voigt order xx yy zz yz xz xy
    expect(frame.labels.stress).toEqual(Float64Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3));
    expect(frame.group).toBe('bulk');
    expect(frame.info).toEqual({ config_type: 'bulk', temperature: 300, note: 'a b', done: true });
    expect(frame.arrays).toEqual({
      tag: { type: 'I', columns: 1, values: Int32Array.of(7, -8) },
      fixed: { type: 'L', columns: 2, values: [true, false, false, false] },
      name: { type: 'S', columns: 1, values: ['one', 'zwei'] },
    });
    expect(frame.names).toEqual({ energy: 'energy', forces: 'forces', stress: 'stress', group: 'config_type' });
    expect(frame.line).toBe(1);
    expect(frame.index).toBe(0);
  });

  test('is the same with Windows line ends, tabs, leading blanks, blank lines behind, or no last line end', () => {
    const plain = one(`1\n${CUBE} energy=1 Properties=species:S:1:pos:R:3\nSi 1 2 3\n`);
    for (const text of [
      `1\r\n${CUBE} energy=1 Properties=species:S:1:pos:R:3\r\nSi 1 2 3\r\n`,
      `  1  \n\t${CUBE}   energy = 1\tProperties=species:S:1:pos:R:3  \n \tSi\t1\t2   3 \t`,
      `\ufeff1\n${CUBE} energy=1 Properties=species:S:1:pos:R:3\nSi 1 2 3\n\n  \n\r\n`,
    ]) {
      expect(one(text)).toEqual(plain);
    }
  });

  test('keeps its place in the file', () => {
    const frames = parseExtxyz('1\n\nSi 0 0 0\n\n2\n\nSi 0 0 0\nSi 1 1 1\n', 'x');
    expect(frames.map(({ line, index }) => [line, index])).toEqual([
      [1, 0],
      [5, 1],
    ]);
  });
});

test('absent labels stay absent', () => {
  const frame = withComment('Properties=species:S:1:pos:R:3');
  expect(frame.labels).toEqual({});
  expect(Object.keys(frame.labels)).toEqual([]);
  expect(frame.group).toBe('');
  expect(frame.structure.pbc).toEqual([false, false, false]);
});

test('plain XYZ with any comment', () => {
  expect(withComment('').info).toEqual({});
  expect(withComment(" it's water at 300 K").info).toEqual({ comment: "it's water at 300 K" });
  const cp2k = withComment(' i =        0, time =        0.000, E =       -34.3303964710');
  expect(cp2k.info).toEqual({ i: '0,', time: '0.000,', E: -34.330396471 });
  // Whatever unit that E has, it is not taken for a label.
  expect(cp2k.labels).toEqual({});
});

describe('comment values', () => {
  test.each([
    ['a=1', 1],
    ['a=-1.5e-3', -0.0015],
    ['a=T', true],
    ['a=False', false],
    ['a=word', 'word'],
    ['a="two words"', 'two words'],
    ['a=\'it is "quoted"\'', 'it is "quoted"'],
    ['a="say \\"yes\\" \\\\ C:\\temp"', 'say "yes" \\ C:\\temp'],
    ['a="1 2 3"', [1, 2, 3]],
    ['a="1 2.5 x"', '1 2.5 x'],
    ['a="T F T"', [true, false, true]],
    ['a=""', ''],
    ['a', true],
    ['a=[[1, 2], [3, 4]]', '[[1, 2], [3, 4]]'],
    ['a={"b": "]} {", "c": {}}', '{"b": "]} {", "c": {}}'],
    ['a="_JSON [\\"x\\", \\"y z\\"]"', ['x', 'y z']],
    ['a="_JSON {\\"x\\": 1}"', '_JSON {"x": 1}'],
    ['a=nan', 'nan'],
    ['a=1e999', '1e999'],
    ['a=12345678901234567890', '12345678901234567890'],
    ['a=1,2,3', '1,2,3'],
    ['a = 5', 5],
    ['a=x=y', 'x=y'],
    ['"a"=5', 5],
    ['b= a=5', 5],
  ])('%s', (comment, value) => {
    expect(withComment(`Time=0 ${comment} z=1`).info.a).toEqual(value);
  });

  test('a key called __proto__ is a key like any other', () => {
    const { info } = withComment('__proto__="1 2" b=1');
    expect(Object.keys(info)).toEqual(['__proto__', 'b']);
    expect(Object.getPrototypeOf(info)).toBe(Object.prototype);
  });

  test('Latin-1 bytes are read as such', () => {
    const bytes = Uint8Array.from('1\nunit="\xc5" é=1\nSi 0 0 0\n', (c) => c.charCodeAt(0));
    expect(parseExtxyz(bytes, 'x')[0].info).toEqual({ unit: 'Å', é: 1 });
  });
});

describe('cell', () => {
  test.each([
    ['pbc="T F T"', [true, false, true]],
    ['pbc="True True False"', [true, true, false]],
    ['pbc="1 1 0"', [true, true, false]],
    ['pbc=TTF', [true, true, false]],
    ['pbc=[true, false, true]', [true, false, true]],
    ['pbc=F', [false, false, false]],
    ['pbc=T', [true, true, true]],
    ['pbc', [true, true, true]],
    ['', [true, true, true]],
  ])('%s', (pbc, expected) => {
    expect(withComment(`${CUBE} ${pbc}`).structure.pbc).toEqual(expected);
  });

  test('three numbers are the edges of an orthorhombic cell', () => {
    expect(withComment('Lattice="4 5 6"').structure.cell).toEqual(Float64Array.of(4, 0, 0, 0, 5, 0, 0, 0, 6));
  });

  test('lower-case lattice counts when it holds lattice vectors, and not when it names one', () => {
    expect(withComment('lattice="4 0 0 0 5 0 0 0 6" energy=1').structure.cell[4]).toBe(5);
    expect(withComment('lattice=fcc energy=1').info).toEqual({ lattice: 'fcc' });
  });

  test.each([
    ['Lattice="4 0 0 0 4 0"', 'bad-lattice'],
    ['Lattice="4 0 0 0 4 0 0 0 x"', 'bad-number'],
    ['Lattice="4 0 0 0 4 0 0 0 nan"', 'not-finite'],
    ['Lattice="4 0 0 4 0 0 0 0 4"', 'singular-cell'],
    ['Lattice="0 0 0 0 0 0 0 0 0"', 'singular-cell'],
    ['pbc="T T T"', 'singular-cell'],
    [`${CUBE} pbc="T T"`, 'bad-pbc'],
    [`${CUBE} pbc="yes yes yes"`, 'bad-pbc'],
  ])('%s is refused: %s', (comment, code) => {
    const error = refusalOf(`1\n${comment}\nSi 0 0 0\n`);
    expect(error.code).toBe(code);
    expect(error.hint).toBeTruthy();
    expect(error.place).toMatchObject({ path: 'test.xyz', line: 2, frame: 0 });
  });
});

describe('labels', () => {
  test('energy goes before free energy, unless told otherwise', () => {
    const comment = 'free_energy=-2 energy=-1';
    expect(withComment(comment)).toMatchObject({
      labels: { energy: -1 },
      info: { free_energy: -2 },
      names: { energy: 'energy' },
    });
    const free = withComment(comment, { names: { energy: ['free_energy'] } });
    expect(free).toMatchObject({ labels: { energy: -2 }, info: { energy: -1 }, names: { energy: 'free_energy' } });
    expect(withComment('free_energy=-2').names).toEqual({ energy: 'free_energy' });
    expect(withComment(comment, { names: { energy: [] } }).labels).toEqual({});
  });

  test('sisters of forces are found; what is not chosen stays an array', () => {
    const frame = one('1\nProperties=species:S:1:pos:R:3:dft_force:R:3:force:R:3\nSi 0 0 0 1 2 3 4 5 6\n');
    expect(frame.labels.forces).toEqual(Float64Array.of(4, 5, 6));
    expect(frame.arrays).toEqual({ dft_force: { type: 'R', columns: 3, values: Float64Array.of(1, 2, 3) } });
    expect(frame.names).toEqual({ forces: 'force' });
  });

  test('a virial becomes −W/V, in the order of nine and of six', () => {
    const nine = withComment(`${CUBE} virial="64 0 1 0 128 2 1 2 -64"`);
    expect(nine.labels.stress).toEqual(Float64Array.of(-1, -0, -1 / 64, -0, -2, -2 / 64, -1 / 64, -2 / 64, 1));
    expect(nine.names).toEqual({ stress: 'virial' });
    const six = withComment(`${CUBE} virials="64 128 -64 2 1 0"`);
    expect(six.labels.stress).toEqual(nine.labels.stress);
    // The name that MACE asks for.
    expect(withComment(`${CUBE} REF_virials="64 128 -64 2 1 0"`).labels.stress).toEqual(nine.labels.stress);
  });

  test('a stress goes before a virial', () => {
    const frame = withComment(`${CUBE} virial="64 0 0 0 64 0 0 0 64" stress="1 0 0 0 1 0 0 0 1"`);
    expect(frame.labels.stress).toEqual(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    expect(frame.info.virial).toEqual([64, 0, 0, 0, 64, 0, 0, 0, 64]);
  });

  test('small asymmetry is averaged, large one refused', () => {
    const stress = withComment(`${CUBE} stress="1 0.10001 0 0.09999 1 0 0 0 1"`).labels.stress;
    expect(stress?.[1]).toBeCloseTo(0.1, 12);
    expect(stress?.[1]).toBe(stress?.[3]);
    expect(refusalOf(`1\n${CUBE} stress="1 0.2 0 0.1 1 0 0 0 1"\nSi 0 0 0\n`).code).toBe('asymmetric-tensor');
  });

  test.each([
    ['energy=nan', 'not-finite'],
    ['energy=1e400', 'not-finite'],
    ['energy=low', 'bad-number'],
    ['energy="1 2"', 'bad-label'],
    ['energy=', 'bad-label'],
    ['energy x=1', 'bad-number'],
    [`${CUBE} stress="1 2 3"`, 'bad-label'],
    [`${CUBE} virial="1 2 3 4 5 inf"`, 'not-finite'],
    ['virial="1 2 3 4 5 6"', 'virial-without-cell'],
    ['energy=1 energy=2', 'duplicate-key'],
    ['note="open energy=1', 'bad-comment'],
    ['note=[1,2 energy=1', 'bad-comment'],
    ['note="a"b energy=1', 'bad-comment'],
  ])('%s is refused: %s', (comment, code) => {
    const error = refusalOf(`1\n${comment}\nSi 0 0 0\n`);
    expect(error.code).toBe(code);
    expect(error.place).toMatchObject({ path: 'test.xyz', line: 2, frame: 0 });
    expect(error.place.field).toBeTruthy();
  });

  test('the group is the text as it stands, from the first name that is there', () => {
    expect(withComment('config_type=007').group).toBe('007');
    expect(withComment('label=CC dataset=X').group).toBe('X');
    expect(withComment('source=MP x=1', { names: { group: ['source'] } }).group).toBe('MP');
  });
});

describe('columns', () => {
  test('atomic numbers instead of symbols', () => {
    expect(one('2\nProperties=Z:I:1:pos:R:3\n14 0 0 0\n8 1 1 1\n').structure.numbers).toEqual(Int32Array.of(14, 8));
    const both = one('1\nProperties=species:S:1:Z:I:1:pos:R:3\nSi 14 0 0 0\n');
    expect(both.arrays).toEqual({});
  });

  test('integers beyond 32 bits keep their value', () => {
    expect(one('1\nProperties=species:S:1:pos:R:3:id:I:1\nSi 0 0 0 5000000000\n').arrays.id.values).toEqual(
      Float64Array.of(5e9),
    );
  });

  test('NaN may stand in a column that nobody uses', () => {
    expect(one('1\nProperties=species:S:1:pos:R:3:magmom:R:2\nSi 0 0 0 nan -inf\n').arrays.magmom.values).toEqual(
      Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY),
    );
  });

  test.each([
    ['species:S:1:pos:R:2', 'bad-properties'],
    ['species:S:1:pos:R', 'bad-properties'],
    ['species:S:1:pos:X:3', 'bad-properties'],
    ['species:S:1:pos:R:3:a:R:0', 'bad-properties'],
    ['species:S:1:pos:R:3:a:R:1:a:R:1', 'bad-properties'],
    ['species:S:1:pos:R:3:a:R:99999', 'bad-properties'],
    ['species:S:1', 'bad-properties'],
    ['pos:R:3', 'bad-properties'],
    ['species:I:1:pos:R:3', 'bad-properties'],
    ['species:S:1:pos:R:3:forces:R:1', 'bad-properties'],
  ])('Properties=%s is refused: %s', (properties, code) => {
    const error = refusalOf(`1\nProperties=${properties}\nSi 0 0 0\n`);
    expect(error.code).toBe(code);
    expect(error.place).toMatchObject({ line: 2, frame: 0, field: 'Properties' });
  });

  test.each([
    ['Si 0 0', 'wrong-column-count'],
    ['Si 0 0 0 0', 'wrong-column-count'],
    ['Si 0 0 x', 'bad-number'],
    ['Si 0 0 *******', 'bad-number'],
    ['Si 0 0 nan', 'not-finite'],
    ['Si 0 0 1e400', 'not-finite'],
    ['si 0 0 0', 'unknown-element'],
    ['X 0 0 0', 'unknown-element'],
    ['14 0 0 0', 'unknown-element'],
    ['Si\u00e9 0 0 0', 'unknown-element'],
  ])('row "%s" is refused: %s', (row, code) => {
    const error = refusalOf(`1\n\nSi 0 0 0\n2\n\nSi 1 1 1\n${row}\n`);
    expect(error.code).toBe(code);
    expect(error.place).toMatchObject({ path: 'test.xyz', line: 7, frame: 1 });
    expect(error.hint).toBeTruthy();
  });

  test('symbols and atomic numbers that disagree', () => {
    expect(refusalOf('1\nProperties=species:S:1:Z:I:1:pos:R:3\nSi 6 0 0 0\n').code).toBe('species-mismatch');
  });
});

describe('files that are none', () => {
  test.each([
    ['', 'empty-file'],
    ['\n \n\n', 'empty-file'],
    ['water\n', 'bad-atom-count'],
    ['0\n\n', 'bad-atom-count'],
    ['-3\n\n', 'bad-atom-count'],
    ['1e400\n\n', 'bad-atom-count'],
    ['1000000000000000\n\nSi 0 0 0\n', 'bad-atom-count'],
    ['99999999999999999999999999\n\n', 'bad-atom-count'],
    ['2.0\n\n', 'bad-atom-count'],
    ['1\n\nSi 0 0 0\nSi 0 0 0\n', 'bad-atom-count'],
    ['1', 'truncated-file'],
    ['2\n\nSi 0 0 0', 'truncated-file'],
    ['100000000\n\nSi 0 0 0\n', 'truncated-file'],
    ['2\n\nSi 0 0 0\n1\n\nSi 0 0 0\n', 'wrong-column-count'],
  ])('%j is refused: %s', (text, code) => {
    const error = refusalOf(text);
    expect(error.code).toBe(code);
    expect(error.place.path).toBe('test.xyz');
    expect(error.hint).toBeTruthy();
  });

  test('a line beyond the limit is refused before it is held', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; chunks < 10_000; chunks++) yield new Uint8Array(65536).fill(97);
    }
    await expect(readExtxyz(endless(), 'big').next()).rejects.toMatchObject({ code: 'line-too-long' });
    expect(chunks * 65536).toBeLessThan(17 * 1024 * 1024);
    expect(refusalOf(`1\n${'a'.repeat(200)}\nSi 0 0 0\n`, { longestLine: 100 }).code).toBe('line-too-long');
    expect(refusalOf(`1\n\nSi 0 0 0${' '.repeat(200)}\n`, { longestLine: 100 }).code).toBe('line-too-long');
  });
});

describe('streams', () => {
  const text = `2\n${CUBE} energy=-1.25 é="ü 1"\nSi 0.125 -7.5e-3 2\nC 1 2 3\n1\r\n\r\nH 0 0 0\r\n`;
  const bytes = new TextEncoder().encode(text);

  test.each([1, 2, 3, 7, 64])('chunks of %d bytes give what one chunk gives', async (size) => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    }
    const frames: Frame[] = [];
    for await (const frame of readExtxyz(chunks(), 'test.xyz')) frames.push(frame);
    expect(frames).toEqual(parseExtxyz(text, 'test.xyz'));
  });

  test('frames before the mistake are handed over before it is reported', async () => {
    async function* chunks(): AsyncGenerator<string> {
      yield '1\n\nSi 0 0 0\n1\n\nSi 0 0 zero\n';
    }
    const frames = readExtxyz(chunks(), 'test.xyz');
    expect((await frames.next()).value?.structure.numbers).toEqual(Int32Array.of(14));
    await expect(frames.next()).rejects.toMatchObject({
      code: 'bad-number',
      place: { line: 6, frame: 1, field: 'pos' },
    });
  });

  test('a frame of more rows than are allotted at first', () => {
    const rows = Array.from({ length: 10_001 }, (_, k) => `Si ${k} ${-k} 0.5 n${k} ${k}`);
    const frame = one(`10001\nProperties=species:S:1:pos:R:3:name:S:1:id:I:1\n${rows.join('\n')}`);
    expect(frame.structure.positions.length).toBe(30_003);
    expect(Array.from(frame.structure.positions.subarray(30_000))).toEqual([10_000, -10_000, 0.5]);
    expect(frame.arrays.name.values[9_999]).toBe('n9999');
    expect(frame.arrays.id.values[10_000]).toBe(10_000);
  });
});
