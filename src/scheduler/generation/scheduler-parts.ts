import type { ControlResult, InternalState } from '../../ipc/messages';
import type { ServerArgs } from '../../server-args/server-args';
import type { BatchLog } from './batch-log';
import type { BatchRunner } from './batch-runner';
import type { KvLedger } from '../kv';
import type { OutputBatch } from './output-batch';
import type { RequestMemory } from './request-memory';
import type { RowTable } from './row-table';

/** What the scheduler works with. */
export interface SchedulerParts {
  readonly args: ServerArgs;
  readonly vocabSize: number;
  /** Tokens a request can have at most, and its prompt. */
  readonly maxReqLen: number;
  readonly maxReqInputLen: number;
  readonly rows: RowTable;
  readonly memory: RequestMemory;
  readonly ledger: KvLedger;
  readonly runner: BatchRunner;
  readonly outputs: OutputBatch;
  readonly log: BatchLog;
  /** Uniform in [0, 1); a function of `--random-seed`. */
  readonly random: () => number;
  readonly reply: (callId: number, result: ControlResult) => void;
  readonly internalState: () => InternalState;
  /** A batch ended: the moment for a heartbeat. */
  readonly afterBatch: () => void;
}
