import { fields, is, number, type Check } from './check';

/** What of a request's trace goes with it to the other processes. */
export interface TraceFields {
  /** Slices up to this level are recorded. */
  readonly level: number;
  /** The request's own span, as the registered propagator writes it: `traceparent`, `tracestate`. */
  readonly headers: Readonly<Record<string, string>>;
}

export const traceFields: Check<TraceFields> = fields<TraceFields>({
  level: number,
  headers: is((value) => typeof value === 'object' && value !== null),
});
