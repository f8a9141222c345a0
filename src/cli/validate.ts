import type { Command } from 'commander';
import type { Dataset } from '../data/index.ts';
import { type JsonObject, jsonObjectOf } from '../model/json.ts';
import { createEngine } from '../node/engine.ts';
import { writeModel } from '../node/model.ts';
import { readOwnChecks } from '../node/own-checks.ts';
import { readDataset } from '../node/structures.ts';
import { type CheckOptions, checkModel, representatives, stableCrystal } from '../node/trust.ts';
import { VERSION } from '../node/version.ts';
import {
  allChecks,
  type Check,
  type CheckResult,
  type TrainingTemperature,
  trainingTemperature,
} from '../validation/index.ts';
import { describeChecks } from './checks.ts';
import {
  addInputFlags,
  type InputFlags,
  inputOptions,
  type OpenModel,
  openStructure,
  STRUCTURE,
  trainedOn,
  warnOfSkipped,
  withModel,
} from './inputs.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session, usageError } from './session.ts';
import { parseNames, parseTemperature } from './values.ts';

interface ValidateFlags extends CommonFlags, InputFlags {
  readonly structures?: string;
  readonly minimum?: string;
  readonly temperature?: number;
  readonly quick?: boolean;
  readonly only?: string[];
  readonly check?: string[];
  readonly save?: string;
  readonly explain?: boolean;
}

const HELP = `
Examples:
  nearsight validate model.safetensors --structures test.extxyz
  nearsight validate model.safetensors --minimum diamond:Si:5.43 --temperature 900 --save checked.safetensors
  nearsight validate model.safetensors --quick --check ./my-check.mjs

With --structures, six small frames of different groups are taken from the file. Without it, the crystal that the model
itself holds for the most stable one; models of more than two elements need --structures. The temperature is what the
frames say or their energies show when it is not given, else 300 K. All checks take about a minute for a solid; --quick takes
seconds. A model or a data file never brings code with it; --check runs the code of the module that you name.
Exit code 1 when a check fails.`;

export function addValidate(program: Command): void {
  const command = program
    .command('validate')
    .summary('is it physics? symmetries, derivatives, locality, curves of few atoms, dynamics')
    .description(
      'Puts every check to a model: symmetries, forces and stress as derivatives of the energy, smoothness at the ' +
        'cutoff, extensivity, absurd coordinates, curves of two and three atoms, dynamics, relaxation, phonons.',
    )
    .argument('<model>', 'model file (.safetensors)')
    .optionsGroup('Checks:')
    .option('--structures <file>', 'check on structures of this file, in any format that can be read')
    .option('--minimum <structure>', `what structures must relax back to: ${STRUCTURE}`)
    .option('--temperature <K>', 'highest temperature of the training data', parseTemperature)
    .option('--quick', 'leave out what takes long: stability, relaxation, phonons')
    .option('--only <ids>', 'only these checks, as in rotation,forces', parseNames)
    .option('--check <module>', 'run a check of your own, too (may be given again)', (path, before: string[] = []) => [
      ...before,
      path,
    ])
    .option('--save <model>', 'write the model with what came of the checks in it')
    .option('--explain', 'say what each check asks and where its limit comes from');
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', HELP)
    .action((model: string, flags: ValidateFlags) =>
      runCommand(flags, (session) => validateCommand(session, model, flags)),
    );
}

async function validateCommand(session: Session, path: string, flags: ValidateFlags): Promise<number> {
  const checks = await chosen(flags);
  const dataset = flags.structures === undefined ? null : await readDataset(flags.structures, inputOptions(flags));
  if (dataset !== null) warnOfSkipped(session, [dataset]);
  const given = dataset === null ? null : representatives(dataset.frames);
  return withModel(path, flags.threads, async (model) => {
    const structures = given ?? [stableCrystal(model.potential)];
    const heat = flags.temperature === undefined ? trainingTemperature(dataset?.frames ?? []) : null;
    if (heat !== null) session.say(describeHeat(heat));
    const temperature = flags.temperature ?? heat?.temperature;
    const known = {
      ...(await knowledge(model, dataset, checks, flags)),
      ...(temperature !== undefined && { temperature }),
    };
    const progress = session.progress('validate');
    const work = checkModel(model.potential, structures, {
      ...known,
      ...{ checks, seed: flags.seed, signal: session.signal },
    });
    let next = await work.next();
    for (; !next.done; next = await work.next()) {
      const { done, total, result } = next.value;
      progress.update({ done, total, note: result.id });
    }
    progress.end();
    const results = next.value;
    const failed = results.filter((check) => check.verdict === 'fail').length;
    const document = {
      model: path,
      structures: structures.length,
      ...(temperature !== undefined && { temperature_K: temperature }),
      passed: results.filter((check) => check.verdict === 'pass').length,
      failed,
      skipped: results.filter((check) => check.verdict === 'skipped').length,
      checks: results,
    };
    const text = describeChecks(results, session.colour);
    if (flags.save !== undefined) {
      await writeModel(flags.save, { ...model.file, validation: recordOf(results, document, flags) });
    }
    await session.printAndSave(document, flags.explain ? `${text}\n${explain(results)}` : text);
    return failed === 0 ? 0 : 1;
  });
}

/** The checks that the flags ask for: nearsight's and the user's. */
async function chosen({ quick, only, check = [] }: ValidateFlags): Promise<readonly Check[]> {
  const own: Check[] = [];
  for (const path of check) own.push(...(await readOwnChecks(path)));
  const all = [...allChecks, ...own];
  const unknown = only?.find((id) => all.every((known) => known.id !== id));
  if (unknown !== undefined) {
    throw usageError(`there is no check "${unknown}"`, `there are ${all.map(({ id }) => id).join(', ')}`);
  }
  if (only !== undefined) return all.filter(({ id }) => only.includes(id));
  return all.filter(({ slow }) => quick !== true || slow !== true);
}

function describeHeat({ temperature, group, frames, from }: TrainingTemperature): string {
  const kelvin = `${Math.round(temperature)} K`;
  const how = from === 'words' ? `frames say ${kelvin}` : `energies of frames look like ${kelvin}`;
  return `the ${how} (${frames} of group "${group}"): dynamics runs up to 1.5 times that; --temperature says otherwise`;
}

/** What the frames and the flags tell beyond the structures themselves. */
async function knowledge(
  { file }: OpenModel,
  dataset: Dataset | null,
  checks: readonly Check[],
  flags: ValidateFlags,
): Promise<Pick<CheckOptions, 'minimum' | 'labelled' | 'kernel'>> {
  const { minimum, threads } = flags;
  const frames = dataset?.frames ?? [];
  const unseen = dataset !== null && trainedOn(file, [dataset]).length === 0;
  const fits = unseen && checks.some(({ id }) => id === 'locality');
  return {
    ...(minimum !== undefined && { minimum: (await openStructure(minimum)).structure }),
    ...(unseen && { labelled: frames }),
    ...(fits && { kernel: await createEngine(threads) }),
  };
}

/** What stays in the model file: results without their curves. */
function recordOf(results: readonly CheckResult[], document: object, { seed, structures }: ValidateFlags): JsonObject {
  const checks = results.map(({ curves, question, limitReason, source, ...row }) => row);
  return jsonObjectOf({
    nearsightVersion: VERSION,
    seed,
    structures: structures ?? null,
    temperature_K: (document as { temperature_K?: number }).temperature_K ?? null,
    checks,
  });
}

/** What each check asks, and why its limit is what it is. */
function explain(checks: readonly CheckResult[]): string {
  return checks
    .map(
      ({ id, question, limitReason, source }) => `\n${id}: ${question}\n  limit: ${limitReason}\n  source: ${source}`,
    )
    .join('\n');
}
