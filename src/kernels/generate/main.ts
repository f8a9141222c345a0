import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { emitAssembly } from './emit.ts';

// Usage: node main.js OUT.ts
const out = process.argv[2];
if (out === undefined) throw new Error('usage: main.js OUT.ts');
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, emitAssembly());
