import type { Request, Response } from 'express';
import { env } from '../core/env';
import type { RequestOrigin } from '../tokenizer-manager';
import { customLabelsOf, ROUTING_KEY } from './http-metrics';
import { requestIdOf } from './request-id';

/** Logged whatever the operator asks for. */
const ALWAYS_LOGGED = [ROUTING_KEY];

/** Where a request came from: its name, those of its headers that are to be logged, and the labels they give it. */
export function originOf(req: Request, res: Response): RequestOrigin {
  const names = [...ALWAYS_LOGGED, ...env('SGLANG_LOG_REQUEST_HEADERS').map((name) => name.toLowerCase())];
  const headers = names.flatMap((name) => {
    const value = req.headers[name];
    return value === undefined || value.length === 0 ? [] : [[name, [value].flat().join(', ')]];
  });
  return {
    requestId: requestIdOf(res),
    headers: Object.fromEntries(headers) as Record<string, string>,
    customLabels: customLabelsOf(res),
  };
}
