/** Between half and one and a half units in the last place of any double, as a share of it. */
const LAST_PLACE = 0.75 * 2 ** -52;

/**
 * value / factor, in such a way that (value / factor) · factor is `value` again, bit for bit, wherever a double with
 * that property exists. It does for every value that was read as number · factor; for others the nearest is given.
 */
export function unscaled(value: number, factor: number): number {
  const quotient = value / factor;
  if (quotient * factor === value) return quotient;
  for (const near of [quotient + quotient * LAST_PLACE, quotient - quotient * LAST_PLACE]) {
    if (near * factor === value) return near;
  }
  return quotient;
}
