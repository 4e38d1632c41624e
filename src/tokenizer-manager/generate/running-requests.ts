import { RequestError } from '../../core/errors';
import { abortedFor } from '../../core/request';
import type { TextOutput } from '../../ipc/messages';
import type { RequestTrace } from '../../tracing/request-tracer';
import type { RecordedRequest } from '../crash-recorder';
import type { Schedulers } from '../dispatch/schedulers';
import type { GenerateRequest } from '../generate-request';
import type { RequestArchive } from '../request-archive';
import type { RequestLogger } from '../request-logger';
import type { RequestMeter } from '../request-meter';
import { memberOf, requestFields, resultFields, traceAttributes } from '../request-record';
import type { RequestState } from '../request-state';
import type { Turn } from '../sessions/turn';

/** A request under one id, and who follows it. */
export interface RunningRequest {
  readonly state: RequestState;
  readonly request: GenerateRequest;
  readonly meter: RequestMeter;
  readonly trace: RequestTrace | null;
  /** Which prompt of the request it is. */
  readonly index: number;
  /** The scheduler that has it. */
  readonly rank: number;
  /** What it is to its session; null where it has none. */
  readonly turn: Turn | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/**
 * Owns the state of every request from its message until the output that ends it; nothing else removes a state, so that an abort
 * always finds one.
 */
export class RunningRequests {
  private readonly entries = new Map<string, RunningRequest>();

  constructor(
    private readonly schedulers: Schedulers,
    private readonly log: RequestLogger,
    private readonly archive: RequestArchive,
  ) {}

  /** Of unfinished requests, also those whose client has gone. */
  get rids(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** What is known of those that may be recorded. */
  get records(): readonly RecordedRequest[] {
    const all = [...this.entries.values()].filter(({ request }) => !request.noLogs);
    return all.map((entry) => record(entry, null));
  }

  /** The scheduler that has a request; 0 for one that nobody knows. */
  rankOf(rid: string): number {
    return this.entries.get(rid)?.rank ?? 0;
  }

  add(entry: RunningRequest): void {
    this.entries.set(entry.state.rid, entry);
  }

  /** @throws RequestError for a name that is in use, or that comes twice */
  refuseDuplicates(rids: readonly string[]): void {
    const seen = new Set<string>();
    for (const rid of rids) {
      if (seen.has(rid) || this.entries.has(rid)) {
        throw new RequestError('bad_value', `Duplicate request ID: ${rid} is in use.`);
      }
      seen.add(rid);
    }
  }

  /** Takes a request's output. What comes of one that has ended is dropped. */
  apply(output: TextOutput): void {
    const entry = this.entries.get(output.rid);
    if (entry === undefined) return;
    if (output.finish === null) this.schedulers.advance(output.rid, output.completionTokens);
    else this.drop(output.rid);
    if (entry.state.finish !== null) return;
    entry.state.apply(output);
    entry.turn?.add(output.newIds, output.finish);
    entry.meter.output(output.completionTokens);
    if (output.completionTokens > 0) entry.trace?.output();
    if (output.finish !== null) this.ended(entry);
  }

  /** Nothing more will come of a request. */
  drop(rid: string): void {
    this.entries.delete(rid);
    this.schedulers.close(rid);
  }

  /** Ends a request that cannot go on, for its client. */
  fail(rid: string, message: string): void {
    const entry = this.entries.get(rid);
    if (entry === undefined || entry.state.finish !== null) return;
    const reason = abortedFor(500, message);
    entry.state.fail(reason);
    entry.turn?.add(new Int32Array(0), reason);
    this.ended(entry);
  }

  private ended(entry: RunningRequest): void {
    const { meter, state } = entry;
    meter.ended(state);
    entry.trace?.ended(traceAttributes(state));
    const request = memberOf(entry.request, entry.index);
    this.log.aborted(request, state.rid, state.finish, state.isDetached);
    this.log.finished(request, state.rid, state.e2eLatency ?? 0, () => resultFields(state));
    if (!request.noLogs) this.archive.add(() => record(entry, Date.now()));
  }
}

function record(
  { state, request, index, createdAt }: RunningRequest,
  finishedAt: number | null,
): RecordedRequest {
  return {
    obj: requestFields(memberOf(request, index), state.rid),
    out: resultFields(state),
    created_time: createdAt / 1000,
    finish_time: finishedAt === null ? null : finishedAt / 1000,
  };
}
