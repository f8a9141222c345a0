import type { Command } from 'commander';
import { readDataset } from '../node/structures.ts';
import { checkModel, representatives, stableCrystal } from '../node/trust.ts';
import type { CheckResult } from '../validation/index.ts';
import { describeChecks } from './checks.ts';
import { addInputFlags, type InputFlags, inputOptions, warnOfSkipped, withModel } from './inputs.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from './session.ts';

interface ValidateFlags extends CommonFlags, InputFlags {
  readonly structures?: string;
  readonly explain?: boolean;
}

const HELP = `
Example:
  nearsight validate model.safetensors --structures test.extxyz

With --structures, six small frames of different groups are taken from the file. Without it, the crystal that the model
itself holds for the most stable one; models of more than two elements need --structures.
Exit code 1 when a check fails.`;

export function addValidate(program: Command): void {
  const command = program
    .command('validate')
    .summary('is it physics? symmetries, derivatives, smoothness, energy conservation')
    .description(
      'Puts every check to a model: symmetries, net force and torque, forces and stress as derivatives of the ' +
        'energy, no work along closed paths, smoothness at the cutoff, extensivity, energy conservation in dynamics.',
    )
    .argument('<model>', 'model file (.safetensors)')
    .optionsGroup('Checks:')
    .option('--structures <file>', 'check on structures of this file, in any format that can be read')
    .option('--explain', 'say what each check asks and where its limit comes from');
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', HELP)
    .action((model: string, flags: ValidateFlags) =>
      runCommand(flags, (session) => validateCommand(session, model, flags)),
    );
}

async function validateCommand(session: Session, path: string, flags: ValidateFlags): Promise<number> {
  const dataset = flags.structures === undefined ? null : await readDataset(flags.structures, inputOptions(flags));
  if (dataset !== null) warnOfSkipped(session, [dataset]);
  const given = dataset === null ? null : representatives(dataset.frames);
  return withModel(path, flags.threads, async ({ potential }) => {
    const structures = given ?? [stableCrystal(potential)];
    const progress = session.progress('validate');
    const work = checkModel(potential, structures, { seed: flags.seed, signal: session.signal });
    let next = await work.next();
    for (; !next.done; next = await work.next()) {
      const { done, total, result } = next.value;
      progress.update({ done, total, note: result.id });
    }
    progress.end();
    const checks = next.value;
    const failed = checks.filter((check) => check.verdict === 'fail').length;
    const document = {
      model: path,
      structures: structures.length,
      passed: checks.filter((check) => check.verdict === 'pass').length,
      failed,
      skipped: checks.filter((check) => check.verdict === 'skipped').length,
      checks,
    };
    const text = describeChecks(checks, session.colour);
    await session.printAndSave(document, flags.explain ? `${text}\n${explain(checks)}` : text);
    return failed === 0 ? 0 : 1;
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
