import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonObjectOf, jsonOf, parseJson } from './json.ts';

const parse = (text: string): unknown =>
  parseJson(text, (what) => {
    throw new Error(what);
  });

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 2), (text, indent) => {
      const value: unknown = JSON.parse(text);
      if (text.includes('"__proto__"')) return;
      expect(parse(JSON.stringify(value, null, indent))).toEqual(value);
    }),
  );
});

test.each([
  ['{"a":1,"a":2}', 'the key "a" twice'],
  ['{"a":1,"\\u0061":2}', 'the key "a" twice'],
  ['[{"x":{"b" : 1, "c":0,\n"b":[]}}]', 'the key "b" twice'],
  ['{"x":"\\"","a":1,"a":2}', 'the key "a" twice'],
  ['{"__proto__":{"polluted":1}}', '__proto__'],
  ['{"\\u005f_proto__":1}', '__proto__'],
  ['['.repeat(65) + ']'.repeat(65), 'levels deep'],
  ['[', 'not valid JSON'],
  ['{"a":1}}', 'not valid JSON'],
  ['"a', 'not valid JSON'],
  ['{"a\\":1}', 'not valid JSON'],
  ['', 'not valid JSON'],
  ['NaN', 'not valid JSON'],
])('refuses %s', (text, what) => {
  expect(() => parse(text)).toThrow(what);
});

test('the same key in different objects, or as a value, is no duplicate', () => {
  expect(parse('[{"a":"a"},{"a":{"a":["a","a"]}}]')).toEqual([{ a: 'a' }, { a: { a: ['a', 'a'] } }]);
  expect(parse('{"a\\\\":1,"a\\"":":"}')).toEqual({ 'a\\': 1, 'a"': ':' });
});

test('a deep text is refused before it can exhaust the stack', () => {
  expect(() => parse('[{"a":'.repeat(200_000))).toThrow('levels deep');
});

test('plain records become JSON with sorted keys; keys without a value disappear', () => {
  expect(JSON.stringify(jsonOf({ b: 1, a: { d: [1, -0, null], c: undefined } }))).toBe('{"a":{"d":[1,0,null]},"b":1}');
  expect(jsonOf(-0)).toBe(0);
});

test.each([
  [{ a: { b: [1, Number.NaN] } }, 'value.a.b[1] is NaN'],
  [{ a: Number.POSITIVE_INFINITY }, 'value.a is Infinity'],
  [{ a: Float64Array.of(1) }, 'an object with a class'],
  [{ a: () => 1 }, 'value.a is function'],
  [{ a: 1n }, 'value.a is bigint'],
  [{ a: [undefined] }, 'value.a[0] is undefined'],
])('what JSON has no word for is refused: %o', (value, what) => {
  expect(() => jsonOf(value)).toThrow(what);
});

test('a record that contains itself is refused, a list is no record', () => {
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  expect(() => jsonOf(loop)).toThrow('levels deep');
  expect(() => jsonObjectOf([])).toThrow('a list');
});
