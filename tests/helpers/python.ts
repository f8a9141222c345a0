import { spawnSync } from 'node:child_process';

/** A Python that can import all `modules`, or undefined. */
export function findPython(modules: readonly string[]): string | undefined {
  return ['/usr/bin/python3', 'python3'].find((python) => {
    const probe = spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('\n')], { stdio: 'ignore' });
    return probe.status === 0;
  });
}

/** Runs a script with `input` as JSON on its standard input and reads JSON from its standard output. */
export function runPython(python: string, script: string, input: unknown): unknown {
  const run = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(`${python} failed: ${run.stderr}`);
  return JSON.parse(run.stdout);
}
