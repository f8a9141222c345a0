/** The report of the quickstart, and what its model file says of it. */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Inspection, Leakage } from '../curation/index.ts';
import type { Dataset } from '../data/index.ts';
import { symbolOf } from '../elements.ts';
import { type ErrorReport, jsonObjectOf, type ModelFile } from '../model/index.ts';
import {
  type DataSummary,
  type DomainReport,
  type LocalityReport,
  type ReportData,
  type SpeedSummary,
  scopeOf,
  type UncertaintyReport,
} from '../report/index.ts';
import type { CheckResult } from '../validation/index.ts';
import type { QuickstartFiles, QuickstartSplit } from './quickstart-split.ts';
import { forceSize } from './report-errors.ts';
import {
  cardOf,
  dataSummary,
  dynamicsOf,
  elementRows,
  errorRow,
  groupRows,
  learningOf,
  parityOf,
} from './report-parts.ts';
import { methodOf } from './report-trust.ts';
import type { SiliconProperties } from './silicon.ts';
import type { SimulationResult } from './simulate.ts';
import { PACKAGE_ROOT, VERSION } from './version.ts';

const LEVEL_OF_THEORY = 'PBE, plane waves up to 30 Ry, 3×3×3 k-points per 8 atoms, Quantum ESPRESSO 6.7';

/** What is found out about the material; parts are missing where the potential did not bear them. */
export interface Material {
  readonly properties?: SiliconProperties;
  readonly run?: SimulationResult;
  readonly speed?: SpeedSummary;
}

/** How far the model knows its own errors and its limits. */
export interface Trust {
  readonly uncertainty: UncertaintyReport | null;
  readonly domain: DomainReport | null;
}

/** All that the quickstart found out. */
export interface Found {
  readonly request: { readonly date: string; readonly seed: number };
  /** At which the dynamics began, K. */
  readonly temperature: number;
  readonly files: QuickstartFiles;
  readonly dataset: Dataset;
  readonly inspection: Inspection;
  readonly split: QuickstartSplit;
  readonly model: ModelFile;
  readonly train: ErrorReport;
  readonly test: ErrorReport;
  readonly leakFree: ErrorReport | null;
  readonly leakage: Leakage;
  readonly trust: Trust;
  readonly locality: LocalityReport;
  readonly checks: readonly CheckResult[];
  readonly material: Material;
  readonly bytes: Uint8Array;
}

/** It as a report. */
export function reportOf(found: Found): ReportData {
  const { model, train, test, leakFree, leakage, trust, locality, checks, material, request, files, split } = found;
  const { uncertainty, domain } = trust;
  const size = forceSize([split.test]);
  const { validation } = model.provenance.errors;
  const { properties, run, speed } = material;
  const learning = learningOf(model);
  return {
    schema: 1,
    name: 'silicon-quickstart',
    elements: model.model.elements.map(symbolOf),
    date: request.date,
    generator: `nearsight ${VERSION}`,
    ...(speed && { speed }),
    data: dataOf(found),
    ...(learning && { learning }),
    errors: {
      train: errorRow('training', train.overall),
      ...(validation !== null && { validation: errorRow('validation', validation) }),
      test: errorRow('held-out', test.overall),
      ...(leakFree && { leakFree: errorRow('held-out, no relatives', leakFree.overall) }),
      related: { frames: leakage.flagged.length, of: leakage.distances.length },
      ...(size !== undefined && { forceSize: size }),
      groups: groupRows(test),
      elements: elementRows(test),
    },
    parity: parityOf({ train, test }),
    ...(uncertainty && { uncertainty }),
    ...(domain && { domain }),
    locality,
    scope: scopeOf(split.train.frames),
    method: methodOf(model, { levelOfTheory: LEVEL_OF_THEORY, split: split.description }),
    checks,
    ...(properties && { properties: properties.report }),
    ...(run && { dynamics: dynamicsOf(run, 'NVE', found.temperature) }),
    card: cardOf(model, {
      sha256: createHash('sha256').update(found.bytes).digest('hex'),
      intendedUse:
        'A first look: bulk silicon in the diamond structure up to about 1200 K, strains up to 6 %, and a glimpse of the liquid.',
      notFor: ['surfaces, defects and grain boundaries', 'other crystal structures', 'quantitative work on the liquid'],
      licence: 'data: CC0 1.0',
      command: `nearsight train ${files.train} --val ${files.validation} --epochs ${model.provenance.epochs} --seed ${request.seed} --out ${files.model}`,
    }),
  };
}

function dataOf({ dataset, inspection, split }: Found): DataSummary {
  const frames = (part: Dataset, group: string): number => part.frames.filter((frame) => frame.group === group).length;
  return dataSummary(dataset, {
    source: relative(fileURLToPath(PACKAGE_ROOT), dataset.source),
    levelOfTheory: LEVEL_OF_THEORY,
    licence: 'CC0 1.0',
    split: split.description,
    groups: inspection.groups.map((group) => ({
      ...group,
      train: frames(split.train, group.name),
      validation: frames(split.validation, group.name),
      test: frames(split.test, group.name),
    })),
    findings: inspection.findings.map(({ code, severity, frame, message }) => ({
      code,
      severity: severity === 'note' ? 'info' : severity,
      message,
      ...(frame !== null && { frame }),
    })),
  });
}

/** The model file with what was found out after the training. */
export function completed(
  file: ModelFile,
  found: { readonly split: QuickstartSplit; readonly test: ErrorReport; readonly checks: readonly CheckResult[] },
): ModelFile {
  const { provenance } = file;
  const checks = found.checks.map(({ id, value, limit, unit, verdict }) => ({ id, value, limit, unit, verdict }));
  return {
    ...file,
    provenance: {
      ...provenance,
      split: { ...provenance.split, description: found.split.description },
      errors: { ...provenance.errors, test: found.test.overall },
    },
    validation: jsonObjectOf({ nearsightVersion: VERSION, checks }),
  };
}
