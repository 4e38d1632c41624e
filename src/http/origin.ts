import type { Request, Response } from 'express';
import { env } from '../core/env';
import type { RequestOrigin } from '../tokenizer-manager';
import { customLabelsOf, ROUTING_KEY } from './http-metrics';
import { requestIdOf } from './request-id';

/** Logged whatever the operator asks for. */
const ALWAYS_LOGGED = [ROUTING_KEY];

/** What W3C gives a trace to travel in. */
const TRACE_HEADERS = ['traceparent', 'tracestate', 'baggage'];

/** Where a request came from: its name, those of its headers that are to be logged, and the labels they give it. */
export function originOf(req: Request, res: Response): RequestOrigin {
  const names = [...ALWAYS_LOGGED, ...env('SGLANG_LOG_REQUEST_HEADERS').map((name) => name.toLowerCase())];
  return {
    requestId: requestIdOf(res),
    headers: pick(req, names),
    customLabels: customLabelsOf(res),
    traceHeaders: pick(req, TRACE_HEADERS),
  };
}

/** The origin of a request whose body names its trace as well. */
export function tracedBy(
  origin: RequestOrigin,
  traceHeaders: Readonly<Record<string, string>> | null | undefined,
): RequestOrigin {
  return traceHeaders ? { ...origin, traceHeaders } : origin;
}

function pick({ headers }: Request, names: readonly string[]): Record<string, string> {
  const picked = names.flatMap((name) => {
    const value = headers[name];
    return value === undefined || value.length === 0 ? [] : [[name, [value].flat().join(', ')]];
  });
  return Object.fromEntries(picked) as Record<string, string>;
}
