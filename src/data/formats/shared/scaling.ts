/** Between half and one and a half units in the last place of any double, as a share of it. */
const LAST_PLACE = 0.75 * 2 ** -52;

/**
 * value / factor, in such a way that (value / factor) · factor is `value` again, bit for bit, wherever a double with
 * that property exists; of several the one with the fewest digits. It exists for every value that was read as
 * number · factor; for others the nearest is given.
 */
export function unscaled(value: number, factor: number): number {
  const quotient = value / factor;
  if (factor === 1) return quotient;
  const near = [quotient, quotient + quotient * LAST_PLACE, quotient - quotient * LAST_PLACE];
  const exact = near.filter((candidate) => candidate * factor === value);
  if (exact.length === 0) return quotient;
  return exact.reduce((best, other) => (String(other).length < String(best).length ? other : best));
}
