import type { Command } from 'commander';
import { addConvert } from './convert.ts';
import { addInspect } from './inspect.ts';
import { addLeakage } from './leakage.ts';
import { addLocality } from './locality.ts';
import { addOutliers } from './outliers.ts';
import { addDataReport } from './report.ts';
import { addSample } from './sample.ts';
import { addSplit } from './split.ts';

export function addData(program: Command): void {
  const data = program
    .command('data')
    .summary('labelled frames: inspect, mend, clean, split and convert them; plan new ones');
  addInspect(data);
  addSplit(data);
  addLeakage(data);
  addOutliers(data);
  addLocality(data);
  addConvert(data);
  addSample(data);
  addDataReport(data);
}
