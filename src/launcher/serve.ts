import { StartupError, traceOf } from '../core/errors';
import { logger, timestamp } from '../logging/logger';
import type { ServerArgs } from '../server-args';
import { MainProcess } from './main-process';
import { signalExitCode, signalNumber, type StopSignal, type StopSignals } from './signals';
import { ChildDiedError } from './children';
import { WarmupError } from './warmup';

/**
 * Runs the server until a signal or an error ends it, and leaves nothing behind. The first signal lets the requests in
 * progress finish; a second one ends the process from here.
 * @returns the exit code of the process: 0 after a signal, 1 after an error
 */
export async function serve(args: ServerArgs, signals: StopSignals): Promise<number> {
  const server = new MainProcess(args);
  process.on('uncaughtException', server.fail);
  process.on('unhandledRejection', server.fail);
  const exitAtOnce = async (signal: StopSignal): Promise<never> => {
    await server.close(0);
    process.exit(signalExitCode(signal));
  };
  signals.second.then(exitAtOnce).catch(() => process.exit(1));

  const exitCode = await runUntilStopped(server, signals.first).catch(async (error: unknown) => {
    server.reportCrash(error);
    await server.failClients();
    await server.close();
    reportFailure(error);
    return 1;
  });
  await server.close();
  return exitCode;
}

async function runUntilStopped(server: MainProcess, stop: Promise<StopSignal>): Promise<number> {
  const started = server.start();
  const signal = await Promise.race([stop, server.failure, started.then(() => stop)]);
  logger.log(
    'info',
    `${signal} received. signum=${signalNumber(signal)}. Draining requests and shutting down...`,
  );
  await Promise.race([server.drain(signal), server.failure]);
  return 0;
}

/** One line for what the operator can understand without the code, whatever the log level; a trace for the rest. */
function reportFailure(error: unknown): void {
  const isPlain =
    error instanceof StartupError || error instanceof ChildDiedError || error instanceof WarmupError;
  const text = isPlain ? error.message : `TokenizerManager hit an exception: ${traceOf(error)}`;
  process.stderr.write(`[${timestamp()}] ${text}\n`);
}
