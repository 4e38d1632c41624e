import { resolve } from 'node:path';
import { env } from '../../core/env';
import { assertNever, errorMessage } from '../../core/errors';
import type { ControlResult, SchedulerMsg } from '../../ipc/messages';
import { logger } from '../../logging/logger';
import type { Recorder } from '../../metrics/recorder';
import type { RoutingTap } from '../../model-runner/routing';
import type { Routers } from '../../models/config/experts';
import type { ServerArgs } from '../../server-args/server-args';
import { BalanceReport } from './balance';
import { ExpertRecorder } from './expert-recorder';
import { writeFiles } from './record-files';
import { csvText, detailText, statText } from './record-text';

export type ExpertMsg = Extract<SchedulerMsg, { type: 'expert_distribution' }>;

/** A loaded model, as far as its experts are concerned. */
interface RoutedModel {
  readonly routers: Routers | null;
  readonly runner: { readonly routing: RoutingTap | null };
}

/** What a scheduler does for the record of the experts that its model chooses. */
export class ExpertDuty {
  private readonly folder = resolve(env('SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR'));

  private constructor(
    private readonly args: ServerArgs,
    private readonly routers: Routers,
    private readonly rank: number,
    private readonly recorder: ExpertRecorder,
    private readonly reply: (callId: number, result: ControlResult) => void,
  ) {}

  /**
   * Watches the runs of a model from now on.
   * @returns null where the model has no experts, or nobody asked for records
   */
  static of(
    args: ServerArgs,
    { routers, runner: { routing } }: RoutedModel,
    rank: number,
    metrics: Recorder,
    reply: (callId: number, result: ControlResult) => void,
  ): ExpertDuty | null {
    if (routers === null || routing === null) return null;
    const size = args.expertDistributionRecorderBufferSize ?? -1;
    const recorder = new ExpertRecorder({
      routers,
      perToken: args.expertDistributionRecorderMode === 'per_token',
      capacity: size === -1 ? Infinity : size,
      balance: args.enableExpertDistributionMetrics
        ? new BalanceReport(routers, metrics, args.decodeLogInterval)
        : null,
    });
    routing.observer = recorder.observe;
    return new ExpertDuty(args, routers, rank, recorder, reply);
  }

  /** Does what is asked, and answers: at once, or when the files are written. */
  handle({ callId, order, stamp }: ExpertMsg): void {
    switch (order) {
      case 'start':
        this.recorder.start();
        return this.reply(callId, { of: 'expert_distribution', files: [] });
      case 'stop':
        this.recorder.stop();
        return this.reply(callId, { of: 'expert_distribution', files: [] });
      case 'dump':
        this.dump(stamp).then(
          (files) => this.reply(callId, { of: 'expert_distribution', files }),
          (error: unknown) => this.reply(callId, { of: 'error', message: errorMessage(error) }),
        );
        return;
      default:
        return assertNever(order);
    }
  }

  /** Writes what was recorded; it is not lost where that fails. */
  private async dump(stamp: string): Promise<readonly string[]> {
    const { args, folder, rank, recorder, routers } = this;
    const recording = recorder.take();
    const isStat = args.expertDistributionRecorderMode?.startsWith('stat') ?? false;
    const ofRank = isStat && args.dpSize === 1 ? '' : `_${rank}`;
    const json = isStat ? statText(routers, rank, recording) : detailText(routers, rank, recording);
    try {
      const files = await writeFiles(folder, `expert_distribution_recorder_${stamp}${ofRank}`, [
        ['csv', csvText(routers, recording)],
        ['json', json],
      ]);
      for (const file of files) logger.info(`Write expert distribution to ${file}`);
      return files;
    } catch (error) {
      recorder.putBack(recording);
      const message = `The expert distribution could not be written: ${errorMessage(error)}`;
      logger.error(message);
      throw new Error(message);
    }
  }
}
