import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { readXml, type XmlElement } from './xml.ts';

const file = (text: string) => ({ path: 'run.xml', bytes: new TextEncoder().encode(text) });

/** Everything that happens, as lines. */
function eventsOf(text: string): string[] {
  const events: string[] = [];
  readXml(file(text), {
    open: ({ path, attributes, line }: XmlElement) => events.push(`+${path} ${JSON.stringify(attributes)} ${line}`),
    close: ({ path }, inside) => events.push(`-${path} ${JSON.stringify(inside)}`),
  });
  return events;
}

test('start tags, texts and end tags come in the order of the file, with lines and paths', () => {
  expect(
    eventsOf('<?xml version="1.0"?>\n<a>\n <b x="1" y="&lt;2">t&amp;u<c/>v</b>\n <![CDATA[<z>]]>\n</a>\n'),
  ).toEqual(['+a {} 2', '+a/b {"x":"1","y":"<2"} 3', '+a/b/c {} 3', '-a/b/c ""', '-a/b "t&uv"', '-a "<z>"']);
});

test('text that crosses the pieces in which a file is decoded stays whole, wherever the cut falls in a character', () => {
  for (const shift of [0, 1, 2]) {
    const filling = ' '.repeat((1 << 20) - 20 + shift);
    const text = `${'é∞'.repeat(12)}${'1.25 '.repeat(300_000)}`;
    expect(eventsOf(`<a>${filling}<b>${text}</b></a>`)[2]).toBe(`-a/b ${JSON.stringify(text)}`);
  }
});

test('Latin-1 is read as such when the file declares it', () => {
  const text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>1 \u00c5</a>';
  const found: string[] = [];
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  readXml({ path: 'run.xml', bytes }, { close: (_, inside) => found.push(inside) });
  expect(found).toEqual(['1 \u00c5']);
});

describe('refusals', () => {
  test.each([
    ['not XML', 'OUTCAR', 'bad-xml', 1],
    ['tags that do not match', '<a>\n<b>\n</a>', 'bad-xml', 3],
    ['an entity of its own', '<a>&evil;</a>', 'bad-xml', 1],
    ['two roots', '<a/>\n<b/>', 'bad-xml', 2],
    ['a bare ampersand', '<a>\nSi & C\n</a><!-- nothing that ends it -->', 'bad-xml', 2],
    ['too deep', '<a>'.repeat(300), 'bad-xml', 1],
    ['an open element', '<a>\n<b>1 2', 'truncated-file', 2],
    ['half a tag', '<a>\n<b>1 2</', 'truncated-file', 2],
    ['nothing', '', 'truncated-file', 1],
  ])('%s', (_, text, code, line) => {
    expect(errorOf(code, () => eventsOf(text)).place).toEqual({ path: 'run.xml', line });
  });

  test('binary data', () => {
    const bytes = Uint8Array.of(60, 0, 62);
    errorOf('binary-file', () => readXml({ path: 'run.xml', bytes }, {}));
  });
});
