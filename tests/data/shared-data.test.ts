import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readFrames } from '../../src/node/structures.ts';

const FOLDER = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
/** A few of each kind; NEARSIGHT_ALL_DATA=1 reads them all. */
const USUAL =
  /^(mlearn\/(Si|Li)_|n2p2|longrange\/dip|carbon|silicon_gap|mptrj_slice|nep_|ethanol_rmd17\/test|ta_snap|water_cc)/;

const present = existsSync(FOLDER);
if (!present) console.warn(`${FOLDER} is absent: reading of real data sets is NOT tested`);

const files = present
  ? readdirSync(FOLDER, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(extxyz|xyz)\.gz$/.test(entry.name))
      .map((entry) => relative(FOLDER, `${entry.parentPath}/${entry.name}`))
      .filter((name) => process.env.NEARSIGHT_ALL_DATA === '1' || USUAL.test(name))
      .sort()
  : [];

test.skipIf(!present)('there are data to read', () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(files)('%s is read to its end', async (name) => {
  let frames = 0;
  let labelled = 0;
  for await (const { structure, labels } of readFrames(`${FOLDER}${name}`)) {
    frames++;
    if (labels.energy !== undefined) labelled++;
    expect(structure.positions.length).toBe(3 * structure.numbers.length);
  }
  expect(frames).toBeGreaterThan(0);
  expect(labelled).toBe(frames);
});
