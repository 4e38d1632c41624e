import { StartupError, UsageError, bug, errorMessage, traceOf } from '../core/errors';
import { removeEndpoints } from '../ipc/endpoints';
import { configureLogging, logger } from '../logging/logger';
import { keepRunningWithoutLog } from '../logging/log-pipe';
import type { ProfileSource } from '../profiling/process-profile';
import { ProfileDuty } from './profile-duty';
import type { ChildInit, ChildName, ChildOrder, ChildReport } from './protocol';

/** A child process that has started. */
export interface StartedChild {
  /** What the launcher is told: this child is ready. */
  readonly report: ChildReport;
  /** Settles when the child's loop ends. Ending before `close` was called is an error, whatever the reason. */
  readonly done: Promise<void>;
  /** What is profiled besides its JavaScript. */
  readonly profile?: ProfileSource;
  /** Ends the loop and frees what it holds. */
  close(): void | Promise<void>;
}

/** How each child calls itself in its log. */
const LOG_NAMES: Readonly<Record<ChildName, string>> = {
  scheduler: 'Scheduler',
  detokenizer: 'DetokenizerManager',
};

/**
 * Ctrl-C and process managers signal the whole group; the launcher decides when a child stops. Of the others, SIGUSR1 would
 * open Node's inspector to whoever is on this machine.
 */
const IGNORED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * The frame of a child process: the last line of its main file. Runs `start` on the launcher's first message, reports
 * readiness or failure, and ends with the launcher: on its order, or at once when it is gone.
 *
 * Exit codes: 0 after an order to shut down, 1 after an error.
 */
export function runChild(
  name: ChildName,
  start: (init: ChildInit, rank: number) => Promise<StartedChild>,
): void {
  if (process.send === undefined) {
    process.stderr.write(`sglang::${name} is started by launch_server, not by hand.\n`);
    process.exit(2);
  }
  process.title = `sglang::${name}`;
  for (const signal of IGNORED_SIGNALS) process.on(signal, () => undefined);
  keepRunningWithoutLog();

  let init: ChildInit | null = null;
  let started: StartedChild | null = null;
  let closing = false;
  const duty = new ProfileDuty((report) => {
    if (process.connected) process.send?.(report, () => undefined);
  });

  const fail = (error: unknown): void => {
    if (closing) return;
    closing = true;
    sendLast(failureReport(name, error), 1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  process.on('disconnect', () => {
    if (init !== null) removeEndpoints(init.endpoints);
    // Not process.exit(): it would wait for native work in progress, and nobody is left to wait for.
    process.kill(process.pid, 'SIGKILL');
  });

  const run = async (given: ChildInit, rank: number): Promise<void> => {
    init = given;
    const isOneOfSeveral = name === 'scheduler' && given.args.dpSize > 1;
    if (isOneOfSeveral) process.title = `sglang::${name}_DP${rank}`;
    configureLogging(given.args.logLevel, given.args.logLevelHttp, isOneOfSeveral ? ` DP${rank}` : '');
    if (given.args.enableTrace)
      await (await import('../tracing/sdk.js')).startSdk(given.args.otlpTracesEndpoint);
    const child = await start(given, rank);
    started = child;
    if (closing) return;
    process.send?.(child.report);
    await child.done;
    throw bug(`The loop of the ${name} ended by itself`);
  };

  const shutDown = async (): Promise<void> => {
    closing = true;
    await started?.close();
    if (init?.args.enableTrace === true) await (await import('../tracing/sdk.js')).flushSdk();
    process.exit(0);
  };

  process.on('message', (order: ChildOrder) => {
    switch (order.type) {
      case 'init':
        run(order.init, order.rank).catch(fail);
        break;
      case 'ask':
        if (process.connected) process.send?.({ type: 'alive' } satisfies ChildReport, () => undefined);
        break;
      case 'start_profile':
        void duty.start(order.order, started?.profile ?? null);
        break;
      case 'stop_profile':
        void duty.stop();
        break;
      case 'shutdown':
        shutDown().catch((error: unknown) => {
          logger.log('error', `${LOG_NAMES[name]} failed to close: ${errorMessage(error)}`);
          process.exit(1);
        });
        break;
    }
  });
}

/** Logs what the operator cannot mend, with its trace, and words the failure for the launcher. */
function failureReport(name: ChildName, error: unknown): ChildReport {
  const message = errorMessage(error);
  const expected = error instanceof StartupError || error instanceof UsageError;
  if (!expected) logger.log('error', `${LOG_NAMES[name]} hit an exception: ${traceOf(error)}`);
  return { type: 'fatal', message, expected };
}

/** Sends the report and exits once it is on its way, or at the latest when the launcher cannot be reached. */
function sendLast(report: ChildReport, exitCode: number): void {
  if (process.send === undefined || !process.connected) process.exit(exitCode);
  process.send(report, undefined, undefined, () => process.exit(exitCode));
}
