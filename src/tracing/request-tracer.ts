import { SpanKind, type Attributes, type Span } from '@opentelemetry/api';
import { contextOf, headersOf, hrTime, ThreadTrace, tracer } from './thread-trace';
import type { TraceFields } from '../core/trace-fields';

export type { Attributes as TraceAttributes } from '@opentelemetry/api';

/** Begins the traces of requests, in the process that they arrive in. */
export class RequestTracer {
  /**
   * @param level slices up to it are recorded; 0 records nothing at all
   * @param modelName of every request's model
   */
  constructor(
    public level: number,
    private readonly modelName: string,
  ) {}

  /**
   * @param headers of the request, whose trace it goes on with where they name one
   * @param receivedAt milliseconds of `performance.now`
   * @param attributes what was asked for
   * @returns null at level 0
   */
  open(
    rid: string,
    headers: Readonly<Record<string, string>>,
    receivedAt: number,
    attributes: Attributes,
  ): RequestTrace | null {
    if (this.level === 0) return null;
    return new RequestTrace(rid, headers, receivedAt, this.level, {
      'gen_ai.response.model': this.modelName,
      ...attributes,
    });
  }
}

/** The trace of one request: its own span, and below it that of the TokenizerManager. */
export class RequestTrace {
  /** For the other processes. */
  readonly fields: TraceFields;
  private readonly span: Span;
  private readonly thread: ThreadTrace;
  private firstOutputAt: number | null = null;

  constructor(
    rid: string,
    headers: Readonly<Record<string, string>>,
    private readonly receivedAt: number,
    level: number,
    attributes: Attributes,
  ) {
    const parent = contextOf(headers);
    this.span = tracer().startSpan(
      `Req ${rid.slice(0, 8)}`,
      {
        kind: SpanKind.SERVER,
        startTime: hrTime(receivedAt),
        attributes: { rid, 'gen_ai.request.id': rid, ...attributes },
      },
      parent,
    );
    this.fields = { level, headers: headersOf(this.span, parent) };
    this.thread = new ThreadTrace('Tokenizer', this.fields, receivedAt);
  }

  /**
   * The request has left for the scheduler.
   * @param tokenizedAt when its prompt was tokens
   */
  dispatched(tokenizedAt: number): void {
    this.thread.slice('tokenize', this.receivedAt, tokenizedAt);
    this.thread.slice('api_server_dispatch', tokenizedAt, performance.now());
  }

  /** An output has come. */
  output(): void {
    this.firstOutputAt ??= performance.now();
  }

  /** @param attributes what came of it */
  ended(attributes: Attributes): void {
    const now = performance.now();
    this.thread.end(now);
    const seconds = (moment: number) => (moment - this.receivedAt) / 1000;
    this.span.setAttributes({ ...attributes, 'gen_ai.latency.e2e': seconds(now) });
    if (this.firstOutputAt !== null) {
      this.span.setAttribute('gen_ai.latency.time_to_first_token', seconds(this.firstOutputAt));
    }
    this.span.end(hrTime(now));
  }
}
