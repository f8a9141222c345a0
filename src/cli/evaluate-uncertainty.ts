/** What `evaluate` tells of uncertainties: keys for scripts, lines for people, columns for files. */
import type { WritableFrame } from '../data/index.ts';
import { formatNumber, formatTable } from '../report/index.ts';
import {
  type CalibrationMetrics,
  type Caveats,
  type DomainAccount,
  NOT_CALIBRATED,
  type QuantityAccount,
  type UncertaintyAccount,
} from '../uncertainty/index.ts';
import { GPA } from '../units.ts';

/** One quantity: its name, the unit of its display, and how much of it is one of ours. */
interface Shown {
  readonly name: 'energy' | 'forces' | 'stress';
  readonly unit: string;
  readonly key: string;
  readonly factor: number;
}

const SHOWN: readonly Shown[] = [
  { name: 'energy', unit: 'meV/atom', key: 'meV_per_atom', factor: 1000 },
  { name: 'forces', unit: 'meV/Å', key: 'meV_per_A', factor: 1000 },
  { name: 'stress', unit: 'GPa', key: 'GPa', factor: 1 / GPA },
];

/** The value of `uncertainty` in the JSON document; names are a contract with scripts. */
export function uncertaintyDocument(account: UncertaintyAccount): object {
  const domain = domainKeys(account.domain);
  if (!account.calibrated) return { calibrated: false, why: NOT_CALIBRATED, domain };
  const quantities = SHOWN.map((shown) => {
    const found = account[shown.name];
    return [shown.name, found === null ? null : quantityKeys(found, shown)];
  });
  return { calibrated: true, ...Object.fromEntries(quantities), domain };
}

function quantityKeys({ metrics, inside, parts }: QuantityAccount, { key, factor }: Shown): object {
  const scaled = (value: number | null): number | null => (value === null ? null : factor * value);
  return {
    ...(metrics === null ? {} : metricKeys(metrics, { key, factor })),
    // Of frames inside the domain: what intervals are meant for.
    inside: inside === null ? null : { count: inside.count, coverage: coverageKeys(inside) },
    [`sigma_rms_${key}`]: scaled(parts.total),
    [`epistemic_rms_${key}`]: scaled(parts.epistemic),
    [`aleatoric_rms_${key}`]: scaled(parts.aleatoric),
    [`rest_${key}`]: scaled(parts.rest),
  };
}

function metricKeys(metrics: CalibrationMetrics, { key, factor }: Pick<Shown, 'key' | 'factor'>): object {
  return {
    count: metrics.count,
    fixed_by_symmetry: metrics.fixed,
    coverage: coverageKeys(metrics),
    miscalibration_area: metrics.miscalibrationArea,
    miscalibration_area_normal: metrics.normalMiscalibrationArea,
    spearman: metrics.spearman,
    spearman_error: metrics.spearmanError,
    spearman_free: metrics.spearmanFree,
    recall_worst_tenth: metrics.recallWorstTenth,
    ence: metrics.ence,
    nll: metrics.nll + Math.log(factor),
    [`crps_${key}`]: factor * metrics.crps,
    [`rmse_${key}`]: factor * metrics.rmse,
    [`sharpness_${key}`]: factor * metrics.sharpness,
  };
}

const coverageKeys = ({ coverage }: CalibrationMetrics): Record<string, number> =>
  Object.fromEntries(coverage.map(({ stated, observed }) => [stated, observed]));

function domainKeys(domain: DomainAccount | null): object | null {
  if (domain === null) return null;
  return {
    limit: domain.limit,
    frames_outside: domain.framesOutside,
    atoms_outside: domain.atomsOutside,
    farthest: domain.farthest,
  };
}

/** Of fewer labels no share, area or rank is worth being shown to a person. */
const FEWEST = 5;

/** The same for people. */
export function describeUncertainty(account: UncertaintyAccount): string {
  const domain = account.domain === null ? [] : describeDomain(account.domain, account.frames);
  if (!account.calibrated) return [`uncertainty: ${NOT_CALIBRATED}`, ...domain].join('\n');
  const rows = SHOWN.flatMap((shown) => {
    const found = account[shown.name];
    return found === null ? [] : [{ ...shown, ...found }];
  });
  type Row = (typeof rows)[number];
  const size = (of: (row: Row) => number | null) => (row: Row) => {
    const value = of(row);
    return value === null ? '' : formatNumber(row.factor * value);
  };
  const shown = (metrics: CalibrationMetrics | null, of: (metrics: CalibrationMetrics) => string): string =>
    metrics === null ? '' : metrics.count < FEWEST ? '–' : of(metrics);
  const metric = (of: (metrics: CalibrationMetrics) => string) => (row: Row) => shown(row.metrics, of);
  const held = ({ coverage }: CalibrationMetrics): string => {
    const found = coverage.find(({ stated }) => stated === 0.9);
    return found === undefined ? '' : `${(100 * found.observed).toFixed(1)} %`;
  };
  const outside = account.domain?.framesOutside ?? 0;
  const lines = [
    'uncertainty',
    formatTable(rows, [
      { header: '', cell: ({ name }) => name },
      { header: 'unit', cell: ({ unit }) => unit },
      { header: 'typical\nσ', align: 'right', cell: size(({ parts }) => parts.total) },
      { header: 'epistemic', align: 'right', cell: size(({ parts }) => parts.epistemic) },
      { header: 'aleatoric', align: 'right', cell: size(({ parts }) => parts.aleatoric) },
      { header: 'in 90 %\nintervals', align: 'right', cell: metric(held) },
      ...(outside === 0
        ? []
        : [{ header: 'inside the\ndomain', align: 'right' as const, cell: (row: Row) => shown(row.inside, held) }]),
      {
        header: 'miscalibration\narea',
        align: 'right',
        cell: metric(({ miscalibrationArea }) => miscalibrationArea.toFixed(3)),
      },
      {
        header: 'rank correlation\nwith error',
        align: 'right',
        cell: metric((m) => `${m.spearman.toFixed(2)} ± ${m.spearmanError.toFixed(2)}`),
      },
    ]),
  ];
  if (outside > 0) {
    lines.push(
      `intervals are not meant for frames outside the training domain: ${outside} of ${account.frames} here; ` +
        `"inside the domain" is the share in 90 % intervals without them`,
    );
  }
  lines.push(...domain);
  return lines.join('\n');
}

const SENTENCES = 3;

function describeDomain({ framesOutside, atomsOutside, farthest }: DomainAccount, frames: number): string[] {
  if (framesOutside === 0) return ['all atoms of these frames are within the training domain'];
  return [
    `outside the training domain: ${atomsOutside} ${atomsOutside === 1 ? 'atom' : 'atoms'} in ${framesOutside} of ${frames} frames`,
    ...farthest.slice(0, SENTENCES).map(({ frame, line, sentence }) => `  frame ${frame} (line ${line}): ${sentence}`),
  ];
}

/** Adds the uncertainties to a frame: `energy_uncertainty` of the total energy (eV) and `force_uncertainty` (eV/Å). */
export function withUncertainty(frame: WritableFrame, caveats: Caveats | null): WritableFrame {
  if (caveats === null) return frame;
  const { energyPerAtom, forces, domain } = caveats;
  const atoms = frame.structure.numbers.length;
  return {
    ...frame,
    info: {
      ...frame.info,
      ...(energyPerAtom !== null && { energy_uncertainty: atoms * energyPerAtom.total }),
      // Of an element without training frames there is no distance, and no number for that in a file.
      ...(domain !== null &&
        Number.isFinite(domain.farthest.distance) && { domain_distance: domain.farthest.distance }),
    },
    arrays: {
      ...frame.arrays,
      ...(forces !== null && { force_uncertainty: { type: 'R', columns: 1, values: forces.total } }),
    },
  };
}
