import { expect } from 'vitest';
import { NearsightError } from '../../src/errors.ts';

/** The NearsightError that `run` must throw, with this code, a sentence and a hint. */
export function errorOf(code: string, run: () => unknown): NearsightError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(NearsightError);
    const found = error as NearsightError;
    expect(found.code, found.message).toBe(code);
    expect(found.message.length).toBeGreaterThan(10);
    expect(found.hint ?? '').not.toBe('');
    return found;
  }
  throw new Error(`expected the error ${code}, but nothing was thrown`);
}
