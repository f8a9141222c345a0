import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allChecks } from './index.ts';

const page = readFileSync(new URL('../../docs/theory/checks.md', import.meta.url), 'utf8');

test('docs/theory/checks.md has one row for each check, with its question and limits, in order', () => {
  const rows = page.split('\n').flatMap((line) => {
    const cells = /^\| `([a-z-]+)` \| (.*) \|$/.exec(line);
    return cells === null ? [] : [{ id: cells[1], rest: cells[2].replaceAll('\\|', '|') }];
  });
  expect(rows.map(({ id }) => id)).toEqual(allChecks.map(({ id }) => id));
  for (const [k, { question, limit }] of allChecks.entries()) {
    expect(rows[k].rest.startsWith(`${question} | `)).toBe(true);
    expect(rows[k].rest).toContain(`| ${limit.double}, ${limit.single} |`);
  }
});

test('ids are unique, and every check says where its limit and its question come from', () => {
  expect(new Set(allChecks.map(({ id }) => id)).size).toBe(allChecks.length);
  for (const { group, limitReason, source } of allChecks) {
    expect(group).toBeDefined();
    expect(Math.min(limitReason.length, source.length)).toBeGreaterThan(20);
  }
});
