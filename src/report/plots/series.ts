/** [x, y] */
export type Point = readonly [number, number];

/** Pairs x and y up, drops what is not finite, and scales. */
export function points(x: readonly number[], y: readonly number[], scaleX = 1, scaleY = 1): Point[] {
  return x.flatMap((value, i): Point[] => {
    const other = y[i];
    return Number.isFinite(value) && Number.isFinite(other) ? [[value * scaleX, other! * scaleY]] : [];
  });
}

/**
 * A long series with no more than about `maximum` points that looks the same: the lowest and the highest point of each
 * stretch stay, in their order, so no spike is lost.
 */
export function thinSeries(series: readonly Point[], maximum = 600): readonly Point[] {
  if (series.length <= maximum) return series;
  const stretch = Math.ceil((2 * series.length) / maximum);
  const kept = [0];
  for (let start = 0; start < series.length; start += stretch) {
    const end = Math.min(start + stretch, series.length);
    let low = start;
    let high = start;
    for (let i = start; i < end; i++) {
      if (series[i][1] < series[low][1]) low = i;
      if (series[i][1] > series[high][1]) high = i;
    }
    kept.push(Math.min(low, high), Math.max(low, high));
  }
  kept.push(series.length - 1);
  return [...new Set(kept)].map((i) => series[i]);
}

/** Smallest interval around all values, widened by `margin` of itself on both sides; undefined without values. */
export function domainOf(values: readonly number[], margin = 0.04): [number, number] | undefined {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  let [low, high] = [finite[0], finite[0]];
  for (const value of finite) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const space = high > low ? margin * (high - low) : Math.abs(low) * margin || 1;
  return [low - space, high + space];
}

/** The same for a logarithmic axis: at least one power of ten inside, so that something on it can be labelled. */
export function logDomain(values: readonly number[]): [number, number] | undefined {
  const logs = values.filter((value) => Number.isFinite(value) && value > 0).map(Math.log10);
  const domain = domainOf(logs, 0.05);
  if (domain === undefined) return undefined;
  let [low, high] = domain;
  if (Math.floor(high) < Math.ceil(low)) {
    const below = low - Math.floor(low);
    const above = Math.ceil(high) - high;
    if (below < above) low = Math.floor(low);
    else high = Math.ceil(high);
  }
  return [10 ** low, 10 ** high];
}
