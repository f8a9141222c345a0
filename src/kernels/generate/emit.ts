import { type Node, type Term, topological } from './graph.ts';
import { type InvariantFunctions, invariantFunctions, type JacobianEntry } from './invariants.ts';

/**
 * Every distinct coefficient, in order of first use: they stand in a table in memory, since loading one takes one
 * instruction and making a vector of a literal takes three.
 */
const constants: number[] = [];

function constant(value: number): string {
  const text = Number(value.toPrecision(14));
  const known = constants.indexOf(text);
  const index = known < 0 ? constants.push(text) - 1 : known;
  return `v128.load32_splat(C, ${4 * index})`;
}

/** Expression text of every node of a function body, as `const t12: v128 = …;` lines. */
function emitBody(outputs: readonly Node[]): { lines: string[]; text: (node: Node) => string } {
  const order = topological(outputs);
  const uses = new Map<number, number>();
  const count = (node: Node): void => void uses.set(node.id, (uses.get(node.id) ?? 0) + 1);
  for (const node of order) {
    if (node.kind === 'product') {
      count(node.a);
      count(node.b);
    } else if (node.kind === 'combination') for (const term of node.terms) count(term.node);
  }
  for (const output of outputs) count(output);

  const text = (node: Node): string => (node.kind === 'input' ? node.name : `t${node.id}`);
  /** A product that only one sum needs is fused into that sum. */
  const fused = (node: Node): boolean => node.kind === 'product' && uses.get(node.id) === 1;
  const plain = (node: Node): string =>
    node.kind === 'product' && fused(node) ? `f32x4.mul(${text(node.a)}, ${text(node.b)})` : text(node);
  const add = (node: Node, to: string): string =>
    node.kind === 'product' && fused(node)
      ? `madd(${text(node.a)}, ${text(node.b)}, ${to})`
      : `f32x4.add(${to}, ${text(node)})`;
  const subtract = (node: Node, from: string): string => `f32x4.sub(${from}, ${plain(node)})`;

  /** Terms with coefficients of equal size share one multiplication. */
  const combination = (terms: readonly Term[]): string => {
    const groups = new Map<string, Term[]>();
    for (const term of terms) {
      const size = Math.abs(term.coefficient).toPrecision(14);
      groups.set(size, [...(groups.get(size) ?? []), term]);
    }
    let total = '';
    for (const [size, group] of groups) {
      const sorted = [...group].sort((p, q) => q.coefficient - p.coefficient);
      const sign = Math.sign(sorted[0].coefficient);
      let inner = '';
      for (const { coefficient, node } of sorted) {
        if (inner === '') inner = plain(node);
        else inner = Math.sign(coefficient) === sign ? add(node, inner) : subtract(node, inner);
      }
      const factor = sign * Number(size);
      if (factor === 1) total = total === '' ? inner : `f32x4.add(${total}, ${inner})`;
      else if (total === '') total = `f32x4.mul(${constant(factor)}, ${inner})`;
      else total = `madd(${constant(factor)}, ${inner}, ${total})`;
    }
    return total;
  };
  const lines = order
    .filter((node) => node.kind !== 'input' && !(fused(node) && !outputs.includes(node)))
    .map((node) => {
      const value =
        node.kind === 'product'
          ? `f32x4.mul(${text(node.a)}, ${text(node.b)})`
          : combination((node as Extract<Node, { kind: 'combination' }>).terms);
      return `    const ${text(node)}: v128 = ${value};`;
    });
  return { lines, text };
}

function inputsOf(outputs: readonly Node[]): string[] {
  return topological(outputs).flatMap((node) => (node.kind === 'input' ? [node.name] : []));
}

/** `const a2_1: v128 = v128.load(…)`: address of an input, by what its name says. */
function loadLine(name: string): string {
  const tangent = name.startsWith('t');
  const plain = tangent ? name.slice(1) : name;
  const t = tangent ? 'T' : '';
  if (plain.startsWith('g')) return `    const ${name}: v128 = v128.load(g${t} + ${plain.slice(1)} * stride);`;
  const [l, m] = plain.slice(1).split('_');
  return `    const ${name}: v128 = v128.load(a${l}${t} + ${m} * stride);`;
}

const rowPointers = (lmax: number, t: string, base: string): string[] =>
  Array.from(
    { length: lmax + 1 },
    (_, l) => `    const a${l}${t} = ${base} + (${16 * l * l} + atom * ${2 * l + 1}) * stride + q;`,
  );

function emitForward(name: string, lmax: number, values: readonly Node[], moved: readonly Node[] | null): string {
  const outputs = [...values, ...(moved ?? [])];
  const { lines, text } = emitBody(outputs);
  const args = moved === null ? 'A: usize, X: usize' : 'A: usize, AT: usize, X: usize, XT: usize';
  return [
    `function ${name}(atom: usize, stride: usize, ${args}): void {`,
    '  const C = constants;',
    '  for (let q: usize = 0; q < stride; q += 16) {',
    ...rowPointers(lmax, '', 'A'),
    ...(moved === null ? [] : rowPointers(lmax, 'T', 'AT')),
    ...inputsOf(outputs).map(loadLine),
    ...lines,
    ...values.map((node, p) => `    v128.store(X + ${p} * stride + q, ${text(node)});`),
    ...(moved ?? []).map((node, p) => `    v128.store(XT + ${p} * stride + q, ${text(node)});`),
    '  }',
    '}',
  ].join('\n');
}

function emitBackward(name: string, lmax: 2 | 3, values: readonly Node[], moved: readonly Node[] | null): string {
  const outputs = [...values, ...(moved ?? [])];
  const { lines, text } = emitBody(outputs);
  const args =
    moved === null
      ? 'A: usize, G: usize, OUT: usize'
      : 'A: usize, AT: usize, G: usize, GT: usize, OUT: usize, OUTT: usize';
  const store = (nodes: readonly Node[], t: string): string[] =>
    nodes.map((node, lm) => {
      const l = Math.floor(Math.sqrt(lm));
      return `    v128.store(o${l}${t} + ${lm - l * l} * stride, ${text(node)});`;
    });
  const outPointers = (t: string, base: string): string[] =>
    rowPointers(lmax, t, base).map((line) => line.replace('const a', 'const o'));
  return [
    `function ${name}(atom: usize, stride: usize, ${args}): void {`,
    '  const C = constants;',
    '  for (let q: usize = 0; q < stride; q += 16) {',
    ...rowPointers(lmax, '', 'A'),
    ...outPointers('', 'OUT'),
    '    const g = G + q;',
    ...(moved === null ? [] : [...rowPointers(lmax, 'T', 'AT'), ...outPointers('T', 'OUTT'), '    const gT = GT + q;']),
    ...inputsOf(outputs).map(loadLine),
    ...lines,
    ...store(values, ''),
    ...store(moved ?? [], 'T'),
    '  }',
    '}',
  ].join('\n');
}

/** All ∂x_p/∂a_lm that are not zero, at J: those of four channels one after the other, then those of the next four. */
function emitJacobian(name: string, lmax: number, entries: readonly JacobianEntry[]): string {
  const outputs = entries.map(({ value }) => value);
  const { lines, text } = emitBody(outputs);
  return [
    `function ${name}(atom: usize, stride: usize, A: usize, J: usize): void {`,
    '  const C = constants;',
    '  for (let q: usize = 0; q < stride; q += 16) {',
    ...rowPointers(lmax, '', 'A'),
    ...inputsOf(outputs).map(loadLine),
    ...lines,
    `    const j = J + q * ${entries.length};`,
    ...outputs.map((node, e) => `    v128.store(j, ${text(node)}, ${16 * e});`),
    '  }',
    '}',
  ].join('\n');
}

/** ∂e/∂a_lm = Σ_p g_p ∂x_p/∂a_lm, with the derivatives from J. */
function emitChain(name: string, lmax: number, entries: readonly JacobianEntry[]): string {
  const seeds = [...new Set(entries.map(({ p }) => p))].sort((p, q) => p - q);
  const sum = (lm: number): string =>
    entries.reduce((text, entry, e) => {
      if (entry.lm !== lm) return text;
      const factors = `g${entry.p}, v128.load(j, ${16 * e})`;
      return text === '' ? `f32x4.mul(${factors})` : `madd(${factors}, ${text})`;
    }, '');
  const harmonics = Array.from({ length: (lmax + 1) ** 2 }, (_, lm) => lm);
  return [
    `function ${name}(atom: usize, stride: usize, J: usize, G: usize, OUT: usize): void {`,
    '  for (let q: usize = 0; q < stride; q += 16) {',
    ...rowPointers(lmax, '', 'OUT').map((line) => line.replace('const a', 'const o')),
    '    const g = G + q;',
    `    const j = J + q * ${entries.length};`,
    ...seeds.map((p) => loadLine(`g${p}`)),
    ...harmonics.map((lm) => {
      const l = Math.floor(Math.sqrt(lm));
      return `    v128.store(o${l} + ${lm - l * l} * stride, ${lm === 0 ? 'v128.load(g)' : sum(lm)});`;
    }),
    '  }',
    '}',
  ].join('\n');
}

const VARIANTS = ([2, 3] as const).flatMap((lmax) => ([2, 3, 4] as const).map((order) => ({ lmax, order })));

function dispatcher(name: string, args: string): string {
  const names = args.split(', ').map((arg) => arg.split(':')[0]);
  const call = (lmax: number, order: number): string => `${name}${lmax}${order}(${names.join(', ')})`;
  return [
    `export function ${name}(lmax: i32, order: i32, ${args}): void {`,
    ...VARIANTS.map(
      ({ lmax, order }, i) =>
        `  ${i === 0 ? 'if' : 'else if'} (lmax == ${lmax} && order == ${order}) ${call(lmax, order)};`,
    ),
    '  else unreachable();',
    '}',
  ].join('\n');
}

/** The AssemblyScript module of invariants for every (lmax, ν) that the contract allows. */
export function emitAssembly(): string {
  const parts = [
    '// Generated by src/kernels/generate from the formulas in invariants.ts. Do not edit.',
    "import { madd } from '../simd';",
    "import { constants } from '../state';",
  ];
  for (const { lmax, order } of VARIANTS) {
    const f: InvariantFunctions = invariantFunctions(lmax, order);
    const v = `${lmax}${order}`;
    parts.push(
      emitForward(`invariants${v}`, lmax, f.forward, null),
      emitBackward(`invariantsBackward${v}`, lmax, f.backward, null),
      emitForward(`invariantsDual${v}`, lmax, f.forward, f.forwardTangent),
      emitBackward(`invariantsBackwardDual${v}`, lmax, f.backward, f.backwardTangent),
      emitJacobian(`invariantsJacobian${v}`, lmax, f.jacobian),
      emitChain(`invariantsChain${v}`, lmax, f.jacobian),
    );
  }
  const where = 'atom: usize, stride: usize';
  const most = Math.max(...VARIANTS.map(({ lmax, order }) => invariantFunctions(lmax, order).jacobian.length));
  parts.push(
    dispatcher('invariants', `${where}, A: usize, X: usize`),
    dispatcher('invariantsBackward', `${where}, A: usize, G: usize, OUT: usize`),
    dispatcher('invariantsDual', `${where}, A: usize, AT: usize, X: usize, XT: usize`),
    dispatcher('invariantsBackwardDual', `${where}, A: usize, AT: usize, G: usize, GT: usize, OUT: usize, OUTT: usize`),
  );
  parts.push(
    dispatcher('invariantsJacobian', `${where}, A: usize, J: usize`),
    dispatcher('invariantsChain', `${where}, J: usize, G: usize, OUT: usize`),
    `/** Derivatives ∂x_p/∂a_lm of one channel that are not zero, at most. */\nexport const DERIVATIVES: usize = ${most};`,
    [
      '/** Bytes of the table that `storeConstants` fills. */',
      `export const CONSTANT_BYTES: i32 = ${4 * constants.length};`,
      '',
      '/** Writes the table of coefficients; its address is part of the model record. */',
      'export function storeConstants(at: usize): void {',
      ...constants.map((value, index) => `  store<f32>(at, ${value}, ${4 * index});`),
      '}',
    ].join('\n'),
  );
  return `${parts.join('\n\n')}\n`;
}
