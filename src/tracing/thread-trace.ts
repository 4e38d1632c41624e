import {
  propagation,
  ROOT_CONTEXT,
  trace,
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { packageVersion } from '../core/package';
import type { TraceFields } from '../core/trace-fields';
import { levelOf, type SliceName } from './slices';

let shared: Tracer | null = null;

/** The tracer of whatever SDK is registered in this process, then or later; it records nothing where none is. */
export function tracer(): Tracer {
  shared ??= trace.getTracer('sglang-node', packageVersion());
  return shared;
}

/** The context that headers tell of; the root where they tell of none. */
export function contextOf(headers: Readonly<Record<string, string>>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** A moment of `performance.now` as spans have it. An SDK would take bare numbers, but round them to its own clock. */
export function hrTime(moment: number): HrTime {
  const ms = performance.timeOrigin + moment;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/**
 * What one process does for one request: a span below the request's own, with slices in it. Made only where tracing is on; all
 * moments are of `performance.now`.
 */
export class ThreadTrace {
  private readonly context: Context;
  private readonly span: Span;

  /**
   * @param name of the process, as it is to be read in the trace
   * @param startedAt when the process first had to do with the request
   */
  constructor(
    name: string,
    private readonly request: TraceFields,
    startedAt: number,
  ) {
    const parent = contextOf(request.headers);
    this.span = tracer().startSpan(
      name,
      { startTime: hrTime(startedAt), attributes: { pid: process.pid } },
      parent,
    );
    this.context = trace.setSpan(parent, this.span);
  }

  /** Records what took from `from` to `to`, if it is of the level asked for. */
  slice(name: SliceName, from: number, to: number, attributes: Attributes = {}): void {
    if (levelOf(name) > this.request.level) return;
    tracer()
      .startSpan(name, { startTime: hrTime(from), attributes }, this.context)
      .end(hrTime(to));
  }

  end(at: number, attributes: Attributes = {}): void {
    this.span.setAttributes(attributes).end(hrTime(at));
  }
}

/** Writes a span into headers, for another process. */
export function headersOf(span: Span, parent: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(parent, span), headers);
  return headers;
}
