import { readFileSync } from 'node:fs';

/** Root folder of the package: two folders up, from sources as from dist. */
export const PACKAGE_ROOT: URL = new URL('../../', import.meta.url);

/** Version of nearsight, as its package.json says. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as { version: string }
).version;
