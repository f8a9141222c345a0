import { SaxesParser } from 'saxes';
import type { Place } from '../../../errors.ts';
import { refusal, shortened } from '../../refuse.ts';
import type { InputFile } from '../format.ts';

/** An element of an XML file, once its start tag was read. */
export interface XmlElement {
  /** As it is written, prefix included. */
  readonly name: string;
  /** Names from the root to this one: `modeling/calculation/energy`. */
  readonly path: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly parent: XmlElement | null;
  /** Line of the file on which the start tag ends, from 1. */
  readonly line: number;
}

/** What happens while a file is read, in the order of the file. What they throw ends the reading. */
export interface XmlEvents {
  open?(element: XmlElement): void;
  /** `text` is what stands directly between the tags, without the text of elements inside. */
  close?(element: XmlElement, text: string): void;
}

/** Bytes that are turned into text at a time, so that a large file is never one string and never a tree. */
const PIECE = 1 << 20;
const NEWLINE = 10;
const AMPERSAND = 38;
const SEMICOLON = 59;
/** No program nests deeper. */
const DEEPEST = 200;
/** No program writes more between two tags. */
const LONGEST_TEXT = 256 << 20;

/**
 * Reads an XML file from its first tag to its last. Entities of the file's own making are not followed, and nothing
 * that it refers to is loaded.
 * @throws NearsightError `bad-xml` (not well-formed, nested too deep), `truncated-file` (ends within an element),
 *   `binary-file`, and what the events throw
 */
export function readXml({ path, bytes }: InputFile, events: XmlEvents): void {
  if (bytes.subarray(0, 4096).includes(0)) {
    throw refusal('binary-file', 'this is a binary file, not XML', 'give the XML file that the program wrote', {
      path,
    });
  }
  const parser = new SaxesParser();
  const place = (): Place => ({ path, line: parser.line });
  const texts: string[] = [];
  const paths: PathNode[] = [{ path: '', inside: new Map() }];
  let element: XmlElement | null = null;
  let depth = 0;
  let ended = false;
  let lastTag = 0;
  let at = 0;
  parser.on('error', (error) => {
    if (ended) throw ampersand(path, bytes) ?? truncated(element, place());
    throw refusal(
      'bad-xml',
      `this is not well-formed XML: ${shortened(error.message.replace(/^[^ ]*:\d+:\s*/, ''))}`,
      'the file is damaged: copy it again, or mend the line in a text editor',
      place(),
    );
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (++depth > DEEPEST) {
      throw refusal(
        'bad-xml',
        `elements are nested more than ${DEEPEST} deep`,
        'the file is damaged: closing tags are missing',
        place(),
      );
    }
    const parent: XmlElement | null = element;
    paths[depth] = nodeInside(paths[depth - 1], name);
    element = { name, path: paths[depth].path, attributes, parent, line: parser.line };
    texts[depth] = '';
    lastTag = at;
    events.open?.(element);
  });
  const addText = (text: string): void => {
    // Blanks between tags would only pile up in the elements around them.
    if (/\S/.test(text)) texts[depth] += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = element!;
    element = closed.parent;
    lastTag = at;
    events.close?.(closed, texts[depth--]);
  });
  const decoder = new TextDecoder(encodingOf(bytes));
  for (; at < bytes.length; at += PIECE) {
    if (at - lastTag > LONGEST_TEXT) {
      throw refusal(
        'bad-xml',
        `${at - lastTag} bytes without a tag`,
        'the file is damaged, or is no XML file',
        place(),
      );
    }
    parser.write(decoder.decode(bytes.subarray(at, at + PIECE), { stream: true }));
  }
  ended = true;
  parser.close();
}

/** Longer names of characters do not occur. */
const LONGEST_ENTITY = 32;

/** The error for an ampersand that begins no `&amp;`: all that follows it was taken for the name of a character. */
function ampersand(path: string, bytes: Uint8Array): Error | undefined {
  const at = bytes.lastIndexOf(AMPERSAND);
  if (at < 0 || bytes.length - at < LONGEST_ENTITY || bytes.includes(SEMICOLON, at)) return undefined;
  let line = 1;
  for (let k = 0; k < at; k++) if (bytes[k] === NEWLINE) line++;
  return refusal('bad-xml', 'this is not well-formed XML: a bare ampersand', 'write &amp; in its place', {
    path,
    line,
  });
}

/** Each path is one string, however many elements have it: readers compare it with what they look for. */
interface PathNode {
  readonly path: string;
  readonly inside: Map<string, PathNode>;
}

function nodeInside({ path, inside }: PathNode, name: string): PathNode {
  let node = inside.get(name);
  if (node === undefined) {
    node = { path: path === '' ? name : `${path}/${name}`, inside: new Map() };
    inside.set(name, node);
  }
  return node;
}

function truncated(element: XmlElement | null, place: Place): Error {
  const where = element === null ? 'before its first element is complete' : `within <${element.path}>`;
  return refusal(
    'truncated-file',
    `the file ends ${where}`,
    'the program that wrote it was stopped, or the copy is incomplete: repeat the calculation or the copy',
    place,
  );
}

/** Of an XML declaration; Latin-1 is told from UTF-8 because it would otherwise be damaged. */
function encodingOf(bytes: Uint8Array): 'windows-1252' | 'utf-8' {
  const head = new TextDecoder('windows-1252').decode(bytes.subarray(0, 200));
  const declared = /^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']/.exec(head)?.[1] ?? 'utf-8';
  return /^(?:iso-8859-1|latin-?1|windows-1252)$/i.test(declared) ? 'windows-1252' : 'utf-8';
}
