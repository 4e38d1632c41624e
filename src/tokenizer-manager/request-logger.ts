import { env } from '../core/env';
import type { FinishReason } from '../core/request';
import { jsonLine, openLogTargets, type LogTarget } from '../logging/log-target';
import { logger, timestamp } from '../logging/logger';
import { pythonRepr } from '../logging/python-repr';
import type { ServerArgs } from '../server-args/server-args';
import type { LoggingChange } from './logging-change';
import { requestFields, type AnyRequest, type RecordFields } from './request-record';

type LogArgs = Pick<
  ServerArgs,
  'logRequests' | 'logRequestsLevel' | 'logRequestsFormat' | 'logRequestsTarget'
>;

/** Longest text or list that level 2 prints whole. */
const SHOWN_LENGTH = 2048;
/** What is left out below level 1, and below level 2. */
const BELOW_1 = new Set(['sampling_params']);
const BELOW_2 = new Set(['text', 'input_ids', 'output_ids', 'embedding']);

/**
 * The request log: one line when a request arrives, one when it ends, and one that says why when it ends without being
 * done. Level 0 names it, 1 adds its sampling parameters, 2 its prompt and output cut short, 3 all of them.
 */
export class RequestLogger {
  private args: LogArgs;
  private target: LogTarget | null = null;
  private readonly exceededMs = env('SGLANG_LOG_REQUEST_EXCEEDED_MS');

  /** @throws StartupError when the folder of a target cannot be made */
  constructor(args: LogArgs) {
    this.args = args;
    this.open();
  }

  /**
   * Lines from now on are as the change asks.
   * @throws StartupError when the folder of a target cannot be made
   */
  configure(change: LoggingChange): void {
    this.args = {
      logRequests: change.logRequests ?? this.args.logRequests,
      logRequestsLevel: change.logRequestsLevel ?? this.args.logRequestsLevel,
      logRequestsFormat: change.logRequestsFormat ?? this.args.logRequestsFormat,
      logRequestsTarget: change.logRequestsTarget ?? this.args.logRequestsTarget,
    };
    this.open();
  }

  /** @param rids the ids of its requests, in the order of the reply */
  received(request: AnyRequest, rids: readonly string[]): void {
    if (this.target === null || request.noLogs) return;
    const rid = rids.length === 1 ? (rids[0] ?? '') : rids;
    this.write('request.received', 'Receive', request, { rid, obj: this.cut(requestFields(request, rid)) });
  }

  /**
   * @param request what was asked for under `rid` alone
   * @param seconds from its arrival to its end
   * @param out its result
   */
  finished(request: AnyRequest, rid: string, seconds: number, out: () => RecordFields): void {
    if (this.target === null || request.noLogs || seconds * 1000 < this.exceededMs) return;
    const obj = this.cut(requestFields(request, rid));
    this.write('request.finished', 'Finish', request, { rid, obj, out: this.cut(out()) });
  }

  /**
   * Says that a request was aborted, where it was; at debug level to those who have no request log.
   * @param isGivenUp whether its client has left
   */
  aborted(request: AnyRequest, rid: string, finish: FinishReason | null, isGivenUp: boolean): void {
    if (finish?.type !== 'abort') return;
    const message = isGivenUp ? 'Nobody waits for it any more.' : finish.message;
    logger.log('debug', `Abort request ${rid}: ${message}`);
    if (this.target === null || request.noLogs) return;
    this.write('request.aborted', 'Abort', request, { rid, message });
  }

  private open(): void {
    this.target = this.args.logRequests ? openLogTargets(this.args.logRequestsTarget) : null;
  }

  /** @param fields `rid`, and what the line is about; the JSON form has the names, the text form those after `rid` */
  private write(event: string, word: string, { origin }: AnyRequest, fields: RecordFields): void {
    const { headers, requestId } = origin;
    const from = {
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...(requestId === null ? {} : { request_id: requestId }),
    };
    if (this.args.logRequestsFormat === 'json') {
      this.target?.(jsonLine(event, { ...fields, ...from }));
      return;
    }
    const { obj, rid, ...rest } = fields;
    const subject = obj === undefined ? `rid=${pythonRepr(rid)}` : `obj=${printObject(obj as RecordFields)}`;
    const others = Object.entries({ ...rest, ...from }).map(
      ([name, value]) => `${name}=${pythonRepr(value)}`,
    );
    this.target?.(`[${timestamp()}] ${word}: ${[subject, ...others].join(', ')}`);
  }

  private cut(fields: RecordFields): RecordFields {
    const { logRequestsLevel: level } = this.args;
    if (level >= 3) return fields;
    const shown = Object.entries(fields).filter(
      ([name]) => !(level < 1 && BELOW_1.has(name)) && !(level < 2 && BELOW_2.has(name)),
    );
    return Object.fromEntries(shown.map(([name, value]) => [name, shorten(value)]));
  }
}

function printObject(obj: RecordFields): string {
  const members = Object.entries(obj).map(([name, value]) => `${name}=${pythonRepr(value)}`);
  const type = 'stream' in obj ? 'GenerateReqInput' : 'EmbeddingReqInput';
  return `${type}(${members.join(', ')})`;
}

/** Shortens a long text to its two ends, and a list to its first members. */
function shorten(value: unknown): unknown {
  if (typeof value === 'string' && value.length > SHOWN_LENGTH) {
    const half = SHOWN_LENGTH / 2;
    return `${value.slice(0, half)} ... ${value.slice(-half)}`;
  }
  if (Array.isArray(value)) {
    const shown: unknown[] = value.slice(0, SHOWN_LENGTH).map(shorten);
    return value.length > SHOWN_LENGTH ? [...shown, '...'] : shown;
  }
  return value;
}
