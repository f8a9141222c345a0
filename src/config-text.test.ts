import { expect, test } from 'vitest';
import { nearestName, readConfigText } from './config-text.ts';

test('the nearest name is near, or there is none', () => {
  expect(nearestName('Cutof', ['cutoff', 'onset'])).toBe('cutoff');
  expect(nearestName('temperature', ['cutoff', 'onset'])).toBeNull();
});

test('places name the line of a field, of a list item, and of the owner of what is missing', () => {
  const { value, place } = readConfigText(
    'a: 1\nparts:\n  - kind: x\n  - kind: y\n    each:\n      count: 3\n',
    'p.yaml',
  );
  expect(value).toEqual({ a: 1, parts: [{ kind: 'x' }, { kind: 'y', each: { count: 3 } }] });
  expect(place(['parts', 1, 'each', 'count'])).toEqual({ path: 'p.yaml', line: 6, field: 'parts[1].each.count' });
  expect(place(['parts', 1])).toMatchObject({ line: 4 });
  expect(place(['parts', 0, 'missing'])).toMatchObject({ line: 3 });
});
