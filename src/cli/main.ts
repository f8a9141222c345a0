#!/usr/bin/env node
/** The command `nearsight`: parse → library → print. */
import { Command, CommanderError } from 'commander';
import { formatError, NearsightError } from '../errors.ts';
import { VERSION } from '../node/version.ts';
import { addBench } from './bench.ts';
import { addCalibrate } from './calibrate.ts';
import { addData } from './data/index.ts';
import { addEvaluate } from './evaluate.ts';
import { addExport } from './export.ts';
import { addFidelity } from './fidelity.ts';
import { addImport } from './import.ts';
import { addMd } from './md.ts';
import { addPareto } from './pareto.ts';
import { addQuickstart } from './quickstart.ts';
import { addRelax } from './relax.ts';
import { addReport } from './report.ts';
import { addTrain } from './train.ts';
import { addValidate } from './validate.ts';

/** sysexits.h: an error inside the program. */
const BUG = 70;

const EPILOGUE = `
Start here:
  nearsight quickstart                               the whole way on the silicon data that come with it, in 2 minutes
  nearsight data inspect mydata.extxyz               what is in a file, and what is wrong with it
  nearsight train mydata.extxyz --time 5min --out model.safetensors
  nearsight evaluate model.safetensors test.extxyz   errors on frames that were not trained on
  nearsight validate model.safetensors               is it physics? symmetries, derivatives, energy conservation

Files are extended XYZ (.gz allowed) or any format of "nearsight data convert --help"; inside, everything is in Å, eV and
eV/Å, stress in eV/Å³ and positive in tension. A STRUCTURE is such a file, or a perfect crystal such as diamond:Si:5.43.

Exit codes: 0 done, 1 a check did not hold, 2 wrong usage, 3 bad input, 4 an outside program failed,
130 interrupted after saving, ${BUG} a bug in nearsight.`;

function createProgram(): Command {
  const program = new Command('nearsight')
    .description('Trains, checks and runs machine-learned interatomic potentials.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('--help', 'explain a command')
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 100, 100) })
    .showHelpAfterError('(add --help to see what it takes)')
    .exitOverride();
  program.commandsGroup('First steps:');
  addQuickstart(program);
  program.commandsGroup('From data to a model:');
  addData(program);
  addTrain(program);
  addPareto(program);
  addFidelity(program);
  program.commandsGroup('Can it be trusted?');
  addEvaluate(program);
  addCalibrate(program);
  addValidate(program);
  addReport(program);
  program.commandsGroup('Use it:');
  addRelax(program);
  addMd(program);
  program.commandsGroup('With other programs:');
  addImport(program);
  addExport(program);
  program.commandsGroup('Other:');
  addBench(program);
  return program.addHelpText('after', EPILOGUE);
}

/** Prints what went wrong; returns the exit code. */
function explain(error: unknown): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof NearsightError) {
    process.stderr.write(`error: ${formatError(error)}\n`);
    return error.code === 'usage' ? 2 : 3;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${stack}\n\nThis is a bug in nearsight ${VERSION}: please report it with the lines above.\n`);
  return BUG;
}

// `nearsight … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}
