export {
  type ElementCount,
  type Finding,
  type GroupCount,
  type Inspection,
  inspectDataset,
  type Range,
  type StressCheck,
} from './inspect.ts';
