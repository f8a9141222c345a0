export type { AtomArray, Dataset, Frame, InfoValue, LabelSources, Labels } from './dataset.ts';
export { LABEL_NAMES, type LabelNames } from './extxyz/labels.ts';
export { parseExtxyz, type ReadOptions, readExtxyz } from './extxyz/read.ts';
export { type WritableFrame, writeExtxyz, writeFrame } from './extxyz/write.ts';
export { allFormats, formatNamed, formatOfFile } from './formats/choose.ts';
export type { Format, FormatOptions, InputFile, OutputFile } from './formats/format.ts';
export { naiveSplit, type Split, type SplitGroup, selectFrames, splitByGroup } from './split.ts';
export { splitApart } from './split-apart.ts';
export { trajectoriesOf } from './trajectories.ts';
