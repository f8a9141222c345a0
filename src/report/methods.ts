/** The draft of a methods section, from what a report knows. */
import { countVerdicts, ERROR_DISPLAY, QUANTITIES, showError } from './display.ts';
import type { ErrorRow, ReportData } from './report-data.ts';
import { formatNumber, formatValue } from './text.ts';
import type { MethodFacts, QuantityUncertainty } from './trust-data.ts';

/** Works that the text refers to, numbered as they are named. */
interface References {
  cite(work: keyof typeof WORKS): string;
  list(): string[];
}

const WORKS = {
  expansion: 'R. Drautz, Phys. Rev. B 99, 014104 (2019), doi:10.1103/PhysRevB.99.014104',
  behler: 'J. Behler and M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007), doi:10.1103/PhysRevLett.98.146401',
  symmetry: 'J. Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717',
  zbl: 'J. F. Ziegler, J. P. Biersack and U. Littmark, The Stopping and Range of Ions in Solids, Pergamon (1985)',
  bootstrap: 'B. Efron, Ann. Statist. 7, 1 (1979), doi:10.1214/aos/1176344552',
  bayesian: 'D. B. Rubin, Ann. Statist. 9, 130 (1981), doi:10.1214/aos/1176345338',
  adam: 'D. P. Kingma and J. Ba, arXiv:1412.6980 (2014), doi:10.48550/arXiv.1412.6980',
  soap: 'N. Vyas et al., arXiv:2409.11321 (2024), doi:10.48550/arXiv.2409.11321',
} as const;

/**
 * Some paragraphs of plain text on how the potential was made and how good it is, with numbers, units and references, to
 * be edited and put into a paper. What the record does not know is said to be unknown, in square brackets. Undefined
 * for a record without facts on the method.
 */
export function methodsDraft(data: ReportData): string | undefined {
  const { method } = data;
  if (method === undefined) return undefined;
  const references = startReferences();
  const paragraphs = [
    [dataSentences(data, method), modelSentences(data, method, references), trainingSentences(method, references)],
    [errorSentences(data), uncertaintySentences(data), domainSentence(data)],
    [checkSentences(data), dynamicsSentence(data), propertySentence(data)],
  ].map((sentences) => sentences.filter((text) => text !== '').join(' '));
  const list = references.list().map((work, k) => `[${k + 1}] ${work}`);
  return [...paragraphs.filter((text) => text !== ''), list.join('\n')].filter((text) => text !== '').join('\n\n');
}

function startReferences(): References {
  const named: (keyof typeof WORKS)[] = [];
  return {
    cite(work) {
      if (!named.includes(work)) named.push(work);
      return `[${named.indexOf(work) + 1}]`;
    },
    list: () => named.map((work) => WORKS[work]),
  };
}

const whole = (n: number): string => formatNumber(n, { decimals: 0 });
const exact = (n: number): string => formatNumber(n, { digits: 6, trim: true });

function dataSentences({ scope, data }: ReportData, method: MethodFacts): string {
  const files = method.sources.map(
    ({ source, sha256, frames }) =>
      `${source} (${whole(frames)} structures${sha256 === '' ? '' : `, SHA-256 ${sha256.slice(0, 16)}…`})`,
  );
  const theory = method.levelOfTheory ?? data?.levelOfTheory;
  const level =
    theory === undefined
      ? '[The level of theory is not recorded in the files: functional, basis or cutoff energy, k-points, code.]'
      : `They were computed with ${theory}.`;
  const from =
    files.length === 0 ? '[The origin of the reference data is not recorded.]' : `Reference data: ${files.join('; ')}.`;
  return `${from} ${level} ${scopeSentence(scope)}${method.split === '' ? '' : ` ${fullStop(method.split)}`}`.replace(
    / {2,}/g,
    ' ',
  );
}

function scopeSentence(scope: ReportData['scope']): string {
  if (scope === undefined) return '';
  const named = scope.groups.filter(({ name }) => name !== '' && name !== '(no group)').map(({ name }) => name);
  const groups = named.length === 0 || named.length > 12 ? '' : ` of the groups ${named.join(', ')}`;
  const { temperature } = scope;
  const heat =
    temperature === undefined
      ? ''
      : `, at ${temperature.min === temperature.max ? exact(temperature.max) : `${exact(temperature.min)} to ${exact(temperature.max)}`} K by their names`;
  return `The training data hold ${whole(scope.atoms)} atoms in ${whole(scope.frames)} structures${groups}${heat}.`;
}

const fullStop = (text: string): string => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

function modelSentences({ elements }: ReportData, method: MethodFacts, { cite }: References): string {
  const start = `An interatomic potential for ${elements.join(', ')} was trained with nearsight ${method.version}.`;
  const { channels, radial, lmax, bodyOrder } = method;
  const seen =
    method.descriptor === 'symmetry'
      ? `The environment of an atom within ${exact(method.cutoff)} Å is described by symmetry functions ${cite('behler')}${cite('symmetry')}`
      : `The environment of an atom within ${exact(method.cutoff)} Å is described by rotational invariants of the projected neighbour density` +
        `${bodyOrder === undefined ? '' : ` up to ${whole(bodyOrder)}-body terms`} ${cite('expansion')}` +
        ` (${[radial === undefined ? '' : `${whole(radial)} radial functions`, lmax === undefined ? '' : `angular momenta up to ${whole(lmax)}`, channels === undefined ? '' : `${whole(channels)} channels`].filter(Boolean).join(', ')})`;
  const readout = `, and mapped to an atomic energy by a neural network with ${method.hidden.length} hidden layers of ${method.hidden.map(whole).join(' and ')} neurons`;
  // In the order in which the text names them: references are numbered as they come.
  const heads = committeeSentence(method, cite);
  const repulsion =
    method.repulsion === 'ZBL'
      ? ` At short distances the screened nuclear repulsion of Ziegler, Biersack and Littmark ${cite('zbl')} is added.`
      : '';
  const forces =
    method.directForces === true
      ? ' Forces come from a head of their own and are not the gradient of the energy.'
      : ' Forces and stresses are its analytic derivatives.';
  return `${start} ${seen}${readout} (${whole(method.weights)} weights in all).${heads}${repulsion}${forces}`;
}

function committeeSentence({ heads, bootstrapped, sharedLayers }: MethodFacts, cite: References['cite']): string {
  if (heads < 2) return '';
  const committee = `${whole(heads)} heads on the shared description`;
  if (sharedLayers === true) {
    return (
      ` ${committee} form a committee: one head was trained, and the last layers of all were drawn by a Bayesian bootstrap` +
      ` ${cite('bayesian')} of the training structures, to first order, so that their mean is the prediction of the trained one.`
    );
  }
  const samples =
    bootstrapped === true ? `, each trained on its own bootstrap sample ${cite('bootstrap')} of the structures,` : '';
  return ` ${committee}${samples} form a committee; its mean is the prediction.`;
}

function trainingSentences(method: MethodFacts, { cite }: References): string {
  const { loss, batch, rate, keptEpoch } = method;
  const weights =
    loss === undefined
      ? ''
      : ` The loss is the weighted sum of the mean squared errors of energies per atom, force components and virials per atom, with weights ${exact(loss.energy)}, ${exact(loss.forces)} and ${exact(loss.stress)} (eV, eV/Å)${loss.energyRise === undefined || loss.energyRise === 1 ? '' : `; over the second half the weight of the energies rises ${exact(loss.energyRise)}-fold`}.`;
  const steps = [
    batch === undefined ? '' : `${whole(batch)} structures per step`,
    rate === undefined ? '' : `a largest learning rate of ${exact(rate)}`,
  ].filter(Boolean);
  const how = steps.length === 0 ? '' : ` with ${steps.join(' and ')}`;
  const kept =
    keptEpoch === undefined ? '' : `; the weights are those of epoch ${whole(keptEpoch)}, which the validation chose`;
  const split = `${whole(method.training)} structures were used for training and ${whole(method.validation)} for validation.`;
  const optimiser =
    method.optimiser === 'soap'
      ? `SOAP ${cite('soap')}, and by Adam ${cite('adam')} for what is no matrix,`
      : method.optimiser === 'adam'
        ? `Adam ${cite('adam')}`
        : '[an optimiser that is not recorded]';
  return `${split}${weights} It was minimised by ${optimiser}${how} over ${whole(method.epochs)} epochs (seed ${formatNumber(method.seed, { digits: 15, trim: true }).replaceAll(',', '')})${kept}.`;
}

function errorSentences({ errors }: ReportData): string {
  const { test, leakFree, validation, related, train } = errors ?? {};
  const row = test ?? validation;
  if (row === undefined) {
    const own = train === undefined ? '' : ` On the training structures themselves they are ${errorList(train)}.`;
    return `[Errors on held-out structures are not known.]${own}`;
  }
  const frames = row.frames === undefined ? 'the' : `the ${whole(row.frames)}`;
  const where =
    test === undefined
      ? `on ${frames} validation structures, which also chose the weights`
      : `on ${frames} held-out structures`;
  const first = `Errors ${where}: ${errorList(row)}.`;
  if (test === undefined) return first;
  if (related === undefined) return `${first} [Relatives of training structures among them were not looked for.]`;
  if (related.frames === 0)
    return `${first} None of them is a twin of a training structure or from the trajectory of one.`;
  const found = `${whole(related.frames)} of them are twins of training structures or come from their trajectories`;
  return leakFree === undefined
    ? `${first} ${fullStop(found)}`
    : `${first} ${fullStop(`${found}; without them the errors are ${errorList(leakFree)}`)}`;
}

function errorList(row: ErrorRow): string {
  const parts = QUANTITIES.flatMap((quantity) => {
    const statistics = row[quantity];
    if (statistics === undefined) return [];
    const name = { energy: 'energy', forces: 'force components', stress: 'stress components' }[quantity];
    return [
      `${name} ${showError(quantity, statistics, 'mae')} (MAE) and ${showError(quantity, statistics, 'rmse')} (RMSE)`,
    ];
  });
  return parts.join('; ');
}

function uncertaintySentences({ uncertainty }: ReportData): string {
  if (uncertainty === undefined) return '[No uncertainties are stated.]';
  if (!uncertainty.calibrated) return `Uncertainties are the ${uncertainty.estimator}, not calibrated.`;
  const { heldOut } = uncertainty;
  const on = heldOut === undefined ? '' : ` on ${whole(heldOut.frames)} held-out structures`;
  const parts = (['energy', 'forces'] as const).flatMap((quantity) => {
    const text = coverageText(quantity, uncertainty[quantity]);
    return text === '' ? [] : [text];
  });
  const quality = parts.length === 0 ? '' : ` ${fullStop(parts.join('; '))}`;
  return `Uncertainties are the ${uncertainty.estimator}, calibrated${on}.${quality}`;
}

function coverageText(quantity: 'energy' | 'forces', sets: QuantityUncertainty | undefined): string {
  const on = sets?.given ?? sets?.heldOut;
  const observed = on?.metrics.coverage.find(({ stated }) => stated === 0.9)?.observed;
  if (on === undefined || observed === undefined) return '';
  const { perUnit, unit } = ERROR_DISPLAY[quantity];
  const name = quantity === 'energy' ? 'energies' : 'force components';
  const where = sets?.given === undefined ? 'the structures of the calibration' : 'the test structures';
  return (
    `on ${where}, 90 % intervals hold ${formatNumber(100 * observed)} % of the ${name} (root mean square σ ` +
    `${formatValue(on.metrics.sharpness * perUnit, unit)}, rank correlation with the error ${formatNumber(on.metrics.spearman, { digits: 2 })})`
  );
}

function domainSentence({ domain }: ReportData): string {
  if (domain === undefined || domain.atoms === 0) return '';
  const share = formatNumber((100 * domain.atomsOutside) / domain.atoms);
  return `${share} % of the atoms of the test structures lie outside the training domain.`;
}

function checkSentences(data: ReportData): string {
  const { pass, fail, skipped, total } = countVerdicts(data);
  if (total === skipped) return '';
  const failed = (data.checks ?? [])
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ question, id }) => `${id} ("${question}")`);
  const rest = fail === 0 ? '' : ` It fails ${failed.join(', ')}.`;
  return `The potential passes ${pass} of ${pass + fail} checks of symmetries, derivatives, smoothness, extensivity and dynamics that apply.${rest}`;
}

function dynamicsSentence({ dynamics }: ReportData): string {
  const drift = dynamics?.driftMeVPerAtomPerPs;
  if (dynamics === undefined || drift === undefined) return '';
  const length = (dynamics.time[dynamics.time.length - 1] ?? 0) - (dynamics.time[0] ?? 0);
  const heat = dynamics.temperature === undefined ? '' : ` at ${exact(dynamics.temperature)} K`;
  return `In ${formatValue(length / 1000, 'ps', { trim: true })} of ${dynamics.ensemble} dynamics of ${whole(dynamics.atoms)} atoms${heat} with steps of ${exact(dynamics.timestep)} fs the conserved energy drifts by ${formatValue(drift, 'meV/atom/ps', { digits: 2 })}.`;
}

function propertySentence({ properties }: ReportData): string {
  const rows = (properties?.table ?? []).filter((row) => Number.isFinite(row.value));
  if (rows.length === 0) return '';
  const list = rows.map(({ name, unit, value, reference }) => {
    const beside = reference === undefined ? '' : ` (reference ${formatValue(reference, unit, { digits: 4 })})`;
    return `${name} ${formatValue(value, unit, { digits: 4 })}${beside}`;
  });
  return `Properties: ${list.join('; ')}.`;
}
