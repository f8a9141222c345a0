import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nearsight } from './run.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-usage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const COMMANDS = [
  ...['quickstart', 'data inspect', 'data split', 'data convert', 'data sample', 'train', 'evaluate'],
  ...['validate', 'relax', 'md', 'report', 'import', 'export', 'bench'],
];

describe('help', () => {
  test.concurrent.each(COMMANDS)('%s teaches by example and groups its options', async (command) => {
    const { code, stdout, stderr } = await nearsight(folder, ...command.split(' '), '--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Usage: nearsight ${command}`);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  nearsight ${command}`));
    expect(stdout).toContain('Common options:');
    for (const flag of ['--json', '--seed', '--threads', '--quiet', '--out']) expect(stdout).toContain(flag);
  });

  test('the first page names every command and the exit codes', async () => {
    const { code, stdout } = await nearsight(folder, '--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command.split(' ')[0]}`, 'm'));
    expect(stdout).toContain('Exit codes: 0 done, 1 a check did not hold, 2 wrong usage, 3 bad input');
  });
});

describe('wrong usage ends with 2 and a sentence', () => {
  test.concurrent.each([
    [['evalute', 'a', 'b'], 'Did you mean evaluate?'],
    [['md', 'm', 's', '--time', '1ps'], "required option '--temperature <K>'"],
    [['md', 'm', 's', '--temperature', '300', '--time', '10'], 'a unit is missing; write it like 10ps'],
    [['md', 'm', 's', '--temperature', 'hot', '--time', '1ps'], 'write it like 300 or 300K'],
    [['md', 'm', 's', '--temperature', '300', '--time', '1ps', '--ensemble', 'npt'], 'Allowed choices are nve, nvt'],
    [['md', 'm', 's', '--temperature', '300', '--time', '1ps', '--supercell', '0'], 'write it like 4x4x4'],
    [['train', 'data.extxyz', '--time', '5s', '--epochs', '3'], '--time and --epochs exclude each other'],
    [['train', 'a.yaml', 'b.extxyz'], 'a configuration stands alone'],
    [['relax', 'm', 's', '--pressure', '-3'], '--pressure acts on the cell'],
    [['data', 'inspect', 'a.extxyz', '--out', 'a.extxyz'], 'would overwrite the input a.extxyz'],
    [['data', 'inspect', 'a.extxyz', '--fix', './a.extxyz'], './a.extxyz would overwrite the input a.extxyz'],
    [['data', 'split', 'a-train.extxyz', '--out', 'a'], 'would overwrite the input a-train.extxyz'],
    [['data', 'leakage', 'a.extxyz', 'b.extxyz', '--out', 'b.extxyz'], 'would overwrite the input b.extxyz'],
    [['data', 'outliers', 'a.extxyz', '--drop', 'a.extxyz'], 'would overwrite the input a.extxyz'],
    [['data', 'outliers', 'a-dropped.extxyz', '--drop', 'a.extxyz'], 'would overwrite the input a-dropped.extxyz'],
    [['data', 'report', 'a.extxyz', '--out', 'a.extxyz'], 'would overwrite the input a.extxyz'],
    [['data', 'sample', 'a.extxyz', 'p.yaml', '--out', 'p.yaml'], 'would overwrite the input p.yaml'],
    [['data', 'convert', 'a.extxyz', 'a.extxyz'], 'would overwrite the input a.extxyz'],
    [['evaluate', 'm.safetensors', 'a.extxyz', '--write', 'a.extxyz'], 'would overwrite the input a.extxyz'],
    [['validate'], "missing required argument 'model'"],
    [['validate', 'm', '--threads', '0'], 'it must be at least 1'],
  ] as const)('%s', async (args, sentence) => {
    const { code, stdout, stderr } = await nearsight(folder, ...args);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });
});

describe('bad input ends with 3, its place and what to do', () => {
  const FRAMES = `2
Lattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0
Si 0 0 0 0 0 0
Si 1.3 1.3 1.3 0 zero 0
`;
  test.concurrent.each([
    [
      ['data', 'inspect', 'absent.extxyz'],
      ['absent.extxyz: there is no such file', 'hint:'],
    ],
    [
      ['data', 'inspect', 'malformed.extxyz'],
      ['malformed.extxyz:4 (frame 0', '"zero"'],
    ],
    [
      ['train', 'malformed.extxyz', '--epochs', '1'],
      ['malformed.extxyz:4 (frame 0', '"zero"'],
    ],
    [['evaluate', 'absent.safetensors', 'malformed.extxyz'], ['malformed.extxyz:4']],
    [
      ['validate', 'malformed.extxyz'],
      ['malformed.extxyz', 'hint:'],
    ],
    [
      ['data', 'convert', 'malformed.extxyz', 'frames.unknown'],
      ['the name of the file does not tell in which format to write it'],
    ],
    [['train', 'absent.yaml'], ['absent.yaml']],
    [
      ['train', 'typo.yaml'],
      ['typo.yaml:3 (field "model.cutof")', 'did you mean "cutoff"?'],
    ],
  ] as const)('%s', async (args, sentences) => {
    const own = mkdtempSync(join(folder, 'input-'));
    writeFileSync(join(own, 'malformed.extxyz'), FRAMES);
    writeFileSync(join(own, 'typo.yaml'), 'data: a.extxyz\nmodel:\n  cutof: 5\n');
    const { code, stdout, stderr } = await nearsight(own, ...args);
    for (const sentence of sentences) expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(3);
    expect(stdout).toBe('');
  });
});
