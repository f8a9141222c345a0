import { NearsightError } from '../errors.ts';
import type { ReportData } from './report-data.ts';

/**
 * A report as `JSON.stringify` wrote it. JSON knows no NaN and writes null: such numbers count as absent.
 * @param path where the text comes from, for the error message
 * @throws NearsightError `report-json` when it is not JSON, `report-schema` when it is not a report of this version
 */
export function parseReportData(text: string, path?: string): ReportData {
  let value: unknown;
  try {
    value = JSON.parse(text, (_key, member: unknown) => (member === null ? undefined : member));
  } catch (cause) {
    throw new NearsightError('report-json', 'the report is not a JSON document', {
      hint: 'make the report again; a file that was cut off cannot be repaired',
      place: { path },
      cause,
    });
  }
  const record = typeof value === 'object' && value !== null ? (value as Partial<ReportData>) : {};
  checkSchema(record.schema, path);
  const { name, elements, date } = record;
  if (typeof name !== 'string' || !Array.isArray(elements) || typeof date !== 'string') {
    throw new NearsightError('report-schema', 'the report lacks its name, its elements or its date', {
      hint: 'make the report again',
      place: { path },
    });
  }
  return record as ReportData;
}

/** @throws NearsightError `report-schema` unless this version can draw the layout */
export function checkSchema(schema: unknown, path?: string): void {
  if (schema === 1) return;
  throw new NearsightError('report-schema', `the report has schema ${String(schema)}, this version draws schema 1`, {
    hint: 'draw it with the version of nearsight that wrote it, or make the report again',
    place: { path },
  });
}
