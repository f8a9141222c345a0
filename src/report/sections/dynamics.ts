import { count } from '../display.ts';
import { facts, figure, html, type Numbering, type Section, typeset } from '../markup.ts';
import { energyTimePlot, rdfPlot, temperatureTimePlot } from '../plots/curves.ts';
import type { DynamicsReport, ReportData } from '../report-data.ts';
import { formatNumber, formatValue } from '../text.ts';

/** A molecular dynamics run: does it conserve what it should, and does it hold its temperature? */
export function dynamicsSection(data: ReportData, numbering: Numbering): Section | undefined {
  const run = data.dynamics;
  if (run === undefined) return undefined;
  const total = [run.totalEnergy ?? run.conservedEnergy, run.temperatures, run.rdf].filter(
    (part) => part !== undefined,
  );
  const size = total.length % 3 === 0 ? 'small' : 'wide';
  const panels = [
    energyTimePlot(numbering.plot(), run, size),
    temperatureTimePlot(numbering.plot(), run, size),
    run.rdf === undefined ? undefined : rdfPlot(numbering.plot(), run.rdf, size),
  ];
  const drift = run.driftMeVPerAtomPerPs;
  const length = (run.time[run.time.length - 1] ?? 0) - (run.time[0] ?? 0);
  const body = html`${facts([
    [
      'Run',
      `${run.ensemble}, ${count(run.atoms, 'atom')}, ${formatValue(length / 1000, 'ps', { trim: true })} in steps of ${formatValue(run.timestep, 'fs', { trim: true })}`,
    ],
    [
      'Target temperature',
      run.temperature === undefined ? undefined : formatValue(run.temperature, 'K', { trim: true }),
    ],
    [
      'Drift of the conserved energy',
      drift === undefined ? undefined : html`${typeset(formatNumber(drift))} meV/atom/ps`,
    ],
  ])}
${panels.every((panel) => panel === undefined) ? undefined : figure(numbering, caption(run), panels)}`;
  return { id: 'dynamics', title: 'Dynamics', body };
}

function caption(run: DynamicsReport): ReturnType<typeof html> {
  const energy =
    run.conservedEnergy !== undefined && run.totalEnergy !== undefined
      ? html`Change of the <span class="key train"></span> total and the <span class="key"></span> conserved energy with time.`
      : run.conservedEnergy !== undefined || run.totalEnergy !== undefined
        ? html`Change of the ${run.conservedEnergy === undefined ? 'total' : 'conserved'} energy with time.`
        : undefined;
  const target = run.temperature === undefined ? '' : '; the thin line is the target';
  const temperature = run.temperatures === undefined ? undefined : html` Temperature with time${target}.`;
  const points = run.rdf?.reference === undefined ? undefined : html` (<span class="key points"></span> reference)`;
  const rdf = run.rdf === undefined ? undefined : html` Radial distribution function${points}.`;
  return html`${energy}${temperature}${rdf}`;
}
