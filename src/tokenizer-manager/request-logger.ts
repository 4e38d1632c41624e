import { logger } from '../logging/logger';
import { pythonRepr } from '../logging/python-repr';
import type { ServerArgs } from '../server-args/server-args';
import type { GenerateRequest } from './generate-request';
import type { RequestState } from './request-state';

type LogArgs = Pick<ServerArgs, 'logRequests' | 'logRequestsLevel' | 'logRequestsFormat'>;
type Fields = Record<string, unknown>;

/** Longest text or list that level 2 prints whole. */
const SHOWN_LENGTH = 2048;

/**
 * The request log: one line when a request arrives and one when it ends. Level 0 names it, 1 adds its sampling
 * parameters, 2 its prompt and output cut short, 3 all of them.
 */
export class RequestLogger {
  constructor(private readonly args: LogArgs) {}

  /** @param rids the ids of its requests, in the order of the reply */
  received(request: GenerateRequest, rids: readonly string[]): void {
    if (!this.args.logRequests || request.noLogs) return;
    this.write('request.received', { rid: ridOf(rids), obj: this.describe(request, ridOf(rids)) });
  }

  finished(request: GenerateRequest, state: RequestState): void {
    if (!this.args.logRequests || request.noLogs) return;
    const out = this.args.logRequestsLevel < 2 ? {} : { text: state.text, output_ids: state.outputIds };
    const meta_info = {
      id: state.rid,
      finish_reason: state.finish,
      prompt_tokens: state.promptTokens,
      completion_tokens: state.completionTokens,
      cached_tokens: state.cachedTokens,
      total_retractions: state.retractions,
      e2e_latency: state.e2eLatency,
    };
    const obj = this.describe(request, state.rid);
    this.write('request.finished', { rid: state.rid, obj, out: this.cutAll({ ...out, meta_info }) });
  }

  private describe(request: GenerateRequest, rid: unknown): Fields {
    const { logRequestsLevel: level } = this.args;
    return this.cutAll({
      rid,
      ...(level < 2 ? {} : { text: request.text, input_ids: request.inputIds }),
      ...(level < 1 ? {} : { sampling_params: request.samplingParams }),
      return_logprob: request.returnLogprob,
      stream: request.stream,
      priority: request.priority,
      extra_key: request.extraKey,
    });
  }

  private write(event: string, { rid, obj, out }: { rid: unknown; obj: Fields; out?: Fields }): void {
    if (this.args.logRequestsFormat === 'json') {
      logger.log('info', JSON.stringify({ timestamp: new Date().toISOString(), event, rid, obj, out }));
      return;
    }
    const members = Object.entries(obj).map(([name, value]) => `${name}=${pythonRepr(value)}`);
    const shown = `obj=GenerateReqInput(${members.join(', ')})`;
    logger.log('info', out === undefined ? `Receive: ${shown}` : `Finish: ${shown}, out=${pythonRepr(out)}`);
  }

  private cutAll(fields: Fields): Fields {
    if (this.args.logRequestsLevel >= 3) return fields;
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cut(value)]));
  }
}

function ridOf(rids: readonly string[]): unknown {
  return rids.length === 1 ? rids[0] : rids;
}

/** Shortens a long text to its two ends, and a list to its first members. */
function cut(value: unknown): unknown {
  if (typeof value === 'string' && value.length > SHOWN_LENGTH) {
    const half = SHOWN_LENGTH / 2;
    return `${value.slice(0, half)} ... ${value.slice(-half)}`;
  }
  if (Array.isArray(value)) {
    const shown: unknown[] = value.slice(0, SHOWN_LENGTH).map(cut);
    return value.length > SHOWN_LENGTH ? [...shown, '...'] : shown;
  }
  return value;
}
