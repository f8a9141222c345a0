/**
 * The convention doctor where the truth is known: node scripts/run.mjs bench/doctor.ts [--markdown].
 * Six mlearn sets as they are and after each of seven corruptions (detected, repaired, cannot tell or wrong; the group
 * that is shifted being each in turn), then what is found in every set of ../shared/data against what their READMEs
 * list, then its speed. Prints one JSON document, or tables.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Frame, inspectDataset, parseExtxyz, writeExtxyz } from 'nearsight';
import { createEngine, PACKAGE_ROOT } from 'nearsight/node';

const { CORRUPTIONS, judge, shiftedGroup } = (await import(
  new URL('dist/curation/doctor/testing.js', PACKAGE_ROOT).href
)) as typeof import('../src/curation/doctor/testing.ts');

const DATA = new URL('../shared/data/', PACKAGE_ROOT);
const SETS = ['Si', 'Ge', 'Mo', 'Li', 'Ni', 'Cu'];

/** What the READMEs of the data list as wrong, by the beginning of the file name; any other error or warning is false. */
const EXPECTED: readonly (readonly [prefix: string, codes: readonly string[]])[] = [
  ['deepmd_water/', ['net-force', 'single-precision']],
  ['ethanol_rmd17/test_H_removal', ['missing-forces']],
  ['ethanol_rmd17/test_dimers', ['missing-forces', 'impossible-distance']],
  ['ethanol_rmd17/test_norm', ['missing-forces']],
  ['kcl/', ['impossible-distance', 'huge-force', 'energy-outlier']],
  ['lips/', ['net-force']],
  ['longrange/Au2', ['zeroed-forces']],
  ['mlearn/Li_train', ['noisy-stress']],
  ['mlearn/Cu', ['stress-offset']],
  ['mlearn/Ni', ['stress-offset']],
  ['3bpa/t', ['unused-cell']],
  ['ta_snap/', ['energy-outlier']],
  ['water_cc/', ['net-force']],
  ['water_rpbe_d3/', ['net-force']],
];

function read(name: string): Frame[] {
  return parseExtxyz(gunzipSync(readFileSync(new URL(name, DATA))), name);
}

if (!existsSync(DATA)) {
  process.stderr.write('no ../shared/data beside the project: nothing to do\n');
  process.exit(0);
}
const kernel = await createEngine(1);
const inspect = (frames: readonly Frame[], source: string): ReturnType<typeof inspectDataset> =>
  inspectDataset({ frames, source, sha256: '' }, kernel);

function corrupted(): object[] {
  const rows: object[] = [];
  for (const set of SETS) {
    const truth = read(`mlearn/${set}_train.extxyz.gz`);
    const groups = [...new Set(truth.map(({ group }) => group))];
    const cases = CORRUPTIONS.flatMap((one) =>
      one.code === 'energy-reference'
        ? groups.map((group) => ({
            ...one,
            name: `${group} + 1 eV/atom`,
            spoil: (frames: readonly Frame[]) => shiftedGroup(frames, group, 1),
          }))
        : [one],
    );
    for (const corruption of cases) {
      const spoilt = corruption.spoil(truth);
      const found = inspect(spoilt, set);
      const verdicts = Object.fromEntries(
        Object.entries(found.verdicts).map(([name, { verdict, logOdds }]) => [
          name,
          `${verdict} (${logOdds.toFixed(0)})`,
        ]),
      );
      const shift = found.groupShifts.map(
        ({ group, shift, error }) => `${group} ${shift.toFixed(3)}±${error.toFixed(3)}`,
      );
      rows.push({ set, corruption: corruption.name, ...judge({ truth, spoilt }, corruption, found), verdicts, shift });
    }
    process.stderr.write(`${set} done\n`);
  }
  return rows;
}

function confusion(): object[] {
  const rows: object[] = [];
  for (const folder of readdirSync(DATA).sort()) {
    const files = folder.includes('.')
      ? []
      : readdirSync(new URL(`${folder}/`, DATA)).filter((file) => file.endsWith('.extxyz.gz'));
    for (const file of files.sort()) {
      const name = `${folder}/${file}`;
      const { findings, frames, verdicts } = inspect(read(name), name);
      const expected = EXPECTED.filter(([prefix]) => name.startsWith(prefix)).flatMap(([, codes]) => codes);
      const found = findings.map(({ code, severity }) => ({ code, severity }));
      const codes = found.map(({ code }) => code);
      rows.push({
        ...{ set: name.replace('.extxyz.gz', ''), frames, expected, found: codes },
        missed: expected.filter((code) => !codes.includes(code)),
        unexpected: found
          .filter(({ code, severity }) => severity !== 'note' && !expected.includes(code))
          .map(({ code }) => code),
        graveFalseAlarms: found
          .filter(({ code, severity }) => severity === 'error' && !expected.includes(code))
          .map(({ code }) => code),
        deviating: Object.entries(verdicts)
          .filter(([, { verdict }]) => !['ok', 'cannot-tell', 'not-labelled'].includes(verdict))
          .map(([key]) => key),
        undecided: Object.entries(verdicts)
          .filter(([, { verdict }]) => verdict === 'cannot-tell')
          .map(([key]) => key),
      });
    }
  }
  return rows;
}

const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** 100,000 atoms in frames of 64: CPU seconds of reading and of inspecting, with and without the model of the forces. */
function speed(): object {
  const some = read('mlearn/Si_train.extxyz.gz').filter(
    ({ structure, labels }) => structure.numbers.length >= 63 && labels.forces?.some((force) => force !== 0),
  );
  const frames = Array.from({ length: 1570 }, (_, k) => some[k % some.length]).map((frame, k) => moved(frame, k));
  const bytes = new TextEncoder().encode([...writeExtxyz(frames)].join(''));
  const megabytes = bytes.length / 1e6;
  const runs = [0, 1, 2].map(() => {
    const start = cpu();
    const read = parseExtxyz(bytes, 'speed');
    const afterReading = cpu();
    inspectDataset({ frames: read, source: 'speed', sha256: '' });
    const withoutModel = cpu();
    inspect(read, 'speed');
    return { reading: afterReading - start, pairs: withoutModel - afterReading, whole: cpu() - withoutModel };
  });
  const best = (of: (run: (typeof runs)[number]) => number): number => Math.min(...runs.map(of));
  const [reading, pairs, whole] = [best((run) => run.reading), best((run) => run.pairs), best((run) => run.whole)];
  return {
    ...{ atoms: frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0), megabytes },
    ...{ reading_s: reading, inspect_without_model_s: pairs, inspect_s: whole },
    reading_and_inspect_MB_per_s: megabytes / (reading + whole),
    reading_and_inspect_without_model_MB_per_s: megabytes / (reading + pairs),
    inspect_MB_per_s: megabytes / whole,
  };
}

/** A copy with atoms a little elsewhere, so that frames do not repeat. */
function moved(frame: Frame, k: number): Frame {
  const positions = frame.structure.positions.map((x, c) => x + 0.05 * Math.sin(12.9898 * c + 78.233 * k));
  return { ...frame, structure: { ...frame.structure, positions } };
}

type Row = Readonly<Record<string, unknown>>;
const document = { corrupted: corrupted() as Row[], confusion: confusion() as Row[], speed: speed() };
if (process.argv.includes('--markdown')) {
  const names = [...new Set(document.corrupted.map((row) => String(row.corruption)))];
  const cell = (set: string, corruption: string): string =>
    String(document.corrupted.find((row) => row.set === set && row.corruption === corruption)?.outcome ?? '–');
  const lines = [
    `| | ${SETS.join(' | ')} |`,
    `|---|${SETS.map(() => '---').join('|')}|`,
    ...names.map((name) => `| ${name} | ${SETS.map((set) => cell(set, name)).join(' | ')} |`),
    '',
    '| set | expected | found | missed | unexpected | grave false alarms | cannot tell |',
    '|---|---|---|---|---|---|---|',
    ...document.confusion.map((row) => {
      const cells = [row.expected, row.found, row.missed, row.unexpected, row.graveFalseAlarms, row.undecided];
      return `| ${row.set} | ${cells.map((codes) => (codes as string[]).join(', ') || '–').join(' | ')} |`;
    }),
    '',
    JSON.stringify(document.speed, null, 2),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
} else
  process.stdout.write(
    `${JSON.stringify({ source: fileURLToPath(DATA).split('/').slice(-3).join('/'), ...document }, null, 2)}\n`,
  );
process.exit(0);
