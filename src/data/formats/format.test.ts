import { expect, test } from 'vitest';
import { joined } from './format.ts';

test('what is longer than a string may be becomes bytes', () => {
  const pieces = ['Si 1\n', 'é → 2\n', ''];
  expect(joined(pieces)).toBe(pieces.join(''));
  expect(joined(pieces, 12)).toBe(pieces.join(''));
  const bytes = joined(pieces, 10);
  expect(bytes).toBeInstanceOf(Uint8Array);
  expect(new TextDecoder().decode(bytes as Uint8Array)).toBe(pieces.join(''));
});
