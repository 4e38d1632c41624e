import { env } from '../core/env';
import { holdUp } from '../core/stuck';
import { loadTokenizer } from '../tokenizer/tokenizer';
import type { Endpoints } from '../ipc/endpoints';
import type { DetokenizerMsg, SchedulerMsg, TokenizerManagerMsg } from '../ipc/messages';
import { PullQueue, PushQueue } from '../ipc/queues';
import type { InvalidMessage } from '../ipc/receive';
import { logger } from '../logging/logger';
import { MetricsReporter } from '../metrics/reporter';
import type { ServerArgs } from '../server-args/server-args';
import type { StartedChild } from '../child/frame';
import { SoftWatchdog } from '../child/soft-watchdog';
import { Detokenizer } from './detokenizer';

/** The part of `ChildInit` that is used here. */
export interface DetokenizerInit {
  readonly args: Pick<ServerArgs, 'enableMetrics' | 'skipTokenizerInit' | 'softWatchdogTimeout'>;
  readonly endpoints: Endpoints;
  readonly tokenizerDir: string;
}

const REPORT_MS = 1000;

/**
 * What the detokenizer process does: one inbox, one `Detokenizer`, answers to the TokenizerManager and to the schedulers.
 * @throws StartupError when the tokenizer cannot be loaded
 */
export async function startDetokenizer({
  args,
  endpoints,
  tokenizerDir,
}: DetokenizerInit): Promise<StartedChild> {
  const maxStates = env('SGLANG_DETOKENIZER_MAX_STATES');
  const tokenizer = args.skipTokenizerInit ? null : await loadTokenizer(tokenizerDir);
  const detokenizer = new Detokenizer(tokenizer, maxStates);

  let reportBroken: (error: unknown) => void;
  const broken = new Promise<never>((_, reject) => (reportBroken = reject));
  const onError = (error: unknown) => reportBroken(error);
  const inbox = await PullQueue.bind('detokenizer', endpoints.detokenizer);
  const toTokenizerManager = new PushQueue<TokenizerManagerMsg>(endpoints.tokenizerManager, onError);
  const toSchedulers = endpoints.schedulers.map((endpoint) => new PushQueue<SchedulerMsg>(endpoint, onError));
  const watchdog =
    args.softWatchdogTimeout === null
      ? null
      : new SoftWatchdog('DetokenizerManager', args.softWatchdogTimeout);

  const reporter = args.enableMetrics
    ? new MetricsReporter('detokenizer', (samples) =>
        toTokenizerManager.put({ type: 'metrics', rank: null, samples }),
      )
    : null;
  const reports = reporter === null ? undefined : setInterval(() => reporter.report(), REPORT_MS);

  let first = true;
  const handle = ({ rank, outputs }: DetokenizerMsg): void => {
    if (first) holdUp('SGLANG_TEST_STUCK_DETOKENIZER');
    first = false;
    const { texts, stopped } = detokenizer.handle(outputs);
    // The scheduler first: who gets the text may send a request of the same rid at once.
    for (const rid of stopped) toSchedulers[rank]?.put({ type: 'stopped', rid });
    if (texts.length > 0) toTokenizerManager.put({ type: 'text_outputs', rank, outputs: texts });
  };
  const onInvalid = ({ reason, requests }: InvalidMessage): void => {
    logger.log('error', `Dropped a message: ${reason}`);
    for (const { rid } of requests) {
      detokenizer.drop(rid);
      // Whose it was cannot be relied on; who does not have it takes no notice.
      for (const scheduler of toSchedulers) scheduler.put({ type: 'stopped', rid });
      toTokenizerManager.put({ type: 'failed', rid, message: `The output could not be read: ${reason}` });
    }
  };

  return {
    report: { type: 'detokenizer_ready' },
    done: Promise.race([inbox.consume(handle, onInvalid), broken]),
    close() {
      watchdog?.stop();
      clearInterval(reports);
      inbox.close();
      toTokenizerManager.close();
      for (const scheduler of toSchedulers) scheduler.close();
    },
  };
}
