export {
  type DataLocality,
  type LocalityOptions,
  type LocalityProgress,
  localityFromData,
  type RadiusError,
} from './locality.ts';
export { type ErrorCurve, type Saturation, saturationOf } from './saturation.ts';
