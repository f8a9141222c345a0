import { describe, expect, test } from 'vitest';
import { GPA } from '../units.ts';
import { gradeOf, gradeSentence, type Letter } from './grade.ts';
import { purposeAnswers } from './purpose.ts';
import type { CheckRow, ReportData } from './report-data.ts';
import { exampleReportData } from './testing.ts';

const example = exampleReportData();
const pass: CheckRow = {
  id: 'rotation',
  group: 'symmetry',
  question: '?',
  unit: '',
  value: 0,
  limit: 1,
  verdict: 'pass',
};
const forces = example.uncertainty!.forces!;
const covering = (observed: number, area = 0.02): NonNullable<ReportData['uncertainty']> => ({
  ...example.uncertainty!,
  forces: {
    given: {
      ...forces.given!,
      metrics: { ...forces.given!.metrics, miscalibrationArea: area, coverage: [{ stated: 0.9, observed }] },
    },
  },
});

/** A report in which every question has a good answer. */
const good: ReportData = {
  ...example,
  checks: [pass],
  errors: {
    ...example.errors,
    test: { name: 'test', frames: 60, forces: { mae: 0.05, rmse: 0.08, count: 999 } },
    leakFree: { name: 'strict', frames: 50, forces: { mae: 0.05, rmse: 0.09, count: 900 } },
    related: { frames: 10, of: 60 },
    forceSize: 0.9,
  },
  uncertainty: covering(0.9),
  domain: { ...example.domain!, framesOutside: 0, atomsOutside: 0 },
  purpose: 'elastic constants of Si at 1,200 K',
  data: { ...example.data!, findings: [] },
};

const letterOf = (data: ReportData): Letter => gradeOf(data)!.letter;

describe('the grade', () => {
  test('is A where every question has a good answer, and not given where nothing was checked', () => {
    expect(gradeOf(good)!.reasons.filter(({ allows }) => allows !== 'A')).toEqual([]);
    expect(letterOf(good)).toBe('A');
    expect(gradeSentence(gradeOf(good)!)).toBe('Grade A: every question of this report has a good answer.');
    const { checks: _, ...unchecked } = good;
    expect(gradeOf(unchecked)).toBeUndefined();
  });

  const { test: held, leakFree: __, ...withoutStrict } = good.errors!;
  const { related: ___, ...unsearched } = good.errors!;
  const failing = (row: Partial<CheckRow>): CheckRow => ({ ...pass, verdict: 'fail', value: 2, ...row });
  const without = (key: keyof ReportData): ReportData => {
    const { [key]: _, ...rest } = good;
    return rest as ReportData;
  };
  const cases: readonly (readonly [string, Letter, ReportData, RegExp])[] = [
    ['no held-out errors', 'E', { ...good, errors: { train: held! } }, /no error on held-out frames/],
    ['validation errors alone', 'C', { ...good, errors: { validation: held! } }, /validation frames alone/],
    ['nobody looked for leaks', 'B', { ...good, errors: unsearched }, /leakage was not looked for/],
    ['all of the test leaks', 'C', { ...good, errors: { ...withoutStrict, test: held! } }, /no error is free/],
    [
      'few frames without relatives',
      'B',
      { ...good, errors: { ...good.errors!, leakFree: { ...good.errors!.leakFree!, frames: 12 } } },
      /12 held-out frames without relatives in training, which are few/,
    ],
    ['errors of 20 %', 'B', { ...good, errors: { ...good.errors!, forceSize: 0.45 } }, /20.0 % of the forces/],
    [
      'errors as large as forces',
      'D',
      { ...good, errors: { ...good.errors!, forceSize: 0.09 } },
      /100 % of the forces/,
    ],
    ['no uncertainty', 'C', without('uncertainty'), /states no uncertainty/],
    ['not calibrated', 'C', { ...good, uncertainty: { ...covering(0.9), calibrated: false } }, /not calibrated/],
    ['intervals too narrow', 'C', { ...good, uncertainty: covering(0.7) }, /70.0 % of the force components/],
    ['intervals somewhat narrow', 'B', { ...good, uncertainty: covering(0.83) }, /83.0 %/],
    ['miscalibrated', 'C', { ...good, uncertainty: covering(0.9, 0.2) }, /miscalibration area 0.20/],
    ['domain unknown', 'B', without('domain'), /domain is not recorded/],
    ['a third outside', 'C', { ...good, domain: { ...good.domain!, atomsOutside: 43 } }, /33.6 % of the atoms/],
    ['a law is broken', 'E', { ...good, checks: [pass, failing({ value: 20 })] }, /1 of 2 checks fails: rotation/],
    ['a law gives way by rounding', 'D', { ...good, checks: [pass, failing({})] }, /fails: rotation/],
    [
      'some other check fails',
      'C',
      { ...good, checks: [pass, failing({ group: 'curves', id: 'wall' })] },
      /fails: wall/,
    ],
    ['no check could be run', 'D', { ...good, checks: [{ ...pass, verdict: 'skipped' }] }, /no check could be run/],
    ['dynamics exploded', 'C', without('dynamics'), /no run of dynamics/],
    ['energy drifts', 'D', { ...good, dynamics: { ...good.dynamics!, driftMeVPerAtomPerPs: -60 } }, /drifts by 60/],
    [
      'the doctor found errors',
      'C',
      { ...good, data: { ...good.data!, findings: [{ code: 'x', severity: 'error', message: 'x' }] } },
      /found 1 error/,
    ],
    ['the doctor warns', 'B', { ...good, data: example.data! }, /warns of 2 things/],
    ['the purpose is elsewhere', 'C', { ...good, purpose: 'surfaces' }, /no surfaces in the training data/],
    [
      'no level of theory',
      'B',
      { ...good, data: { ...good.data!, levelOfTheory: undefined } as never },
      /level of theory/,
    ],
    ['no hashes', 'C', { ...good, method: { ...good.method!, sources: [] } }, /hashes/],
  ];
  test.each(cases)('%s: %s', (_name, letter, data, reason) => {
    const grade = gradeOf(data)!;
    expect(grade.letter).toBe(letter);
    const holding = grade.reasons.filter(({ allows }) => allows === letter);
    expect(holding.map(({ finding }) => finding).join('; ')).toMatch(reason);
    expect(gradeSentence(grade)).toContain(holding[0].finding);
  });

  test('never gets better by bad news', () => {
    const order = 'ABCDE';
    for (const [, letter, data] of cases) {
      const worse = letterOf({ ...data, checks: [...(data.checks ?? []), failing({ value: 99 })] });
      expect(order.indexOf(worse)).toBeGreaterThanOrEqual(order.indexOf(letter));
    }
  });
});

describe('a purpose', () => {
  const ask = (purpose: string, more: Partial<NonNullable<ReportData['scope']>> = {}): [string, string][] =>
    purposeAnswers({ elements: ['Si'], purpose, scope: { ...example.scope!, ...more } }).map(({ topic, standing }) => [
      topic,
      standing,
    ]);

  test('is held against elements, kinds of structures, temperature and pressure', () => {
    expect(ask('surfaces of SiGe')).toEqual([
      ['Si', 'seen'],
      ['Ge', 'unseen'],
      ['surfaces', 'unseen'],
    ]);
    expect(ask('slabs', { kinds: { bulk: 9, surface: 3, molecule: 0 } })).toEqual([['surfaces', 'seen']]);
    expect(ask('dislocations')).toEqual([['dislocations', 'unknown']]);
    expect(ask('vacancies', { groups: [{ name: 'Vacancy', frames: 3 }] })).toEqual([['vacancies', 'seen']]);
    expect(ask('dynamics at 300 K and 2,500 K')).toEqual([['temperatures', 'unseen']]);
    expect(ask('up to 1200 K')).toEqual([['temperatures', 'seen']]);
    expect(ask('shocks of 100 GPa')).toEqual([['pressures', 'unseen']]);
    expect(ask('20 GPa', { pressure: { min: 0, max: 21 * GPA } })).toEqual([['pressures', 'seen']]);
  });

  test('in plain words asks for nothing', () => {
    expect(ask('As I said: No, He and I look At this In passing')).toEqual([]);
    expect(ask('')).toEqual([]);
    expect(purposeAnswers({ elements: ['Si'] })).toEqual([]);
  });

  test('is held against the elements where nobody has the training data', () => {
    const answers = purposeAnswers({ elements: ['Si'], purpose: 'surfaces of Ge at 900 K' });
    expect(answers.map(({ standing }) => standing)).toEqual(['unseen', 'unknown', 'unknown']);
  });
});
