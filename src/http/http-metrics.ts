import type { Request, RequestHandler, Response } from 'express';
import type { Recorder } from '../metrics/recorder';
import type { Labels } from '../metrics/table';
import { warnOnce } from '../logging/logger';

/** Told of requests that no route takes: raw paths would make as many series as clients can think of. */
const UNMATCHED = 'unmatched';
/** Told of a client that left before its reply began. */
const CLIENT_LEFT = 499;
/** SGLang's router groups requests by this header. */
export const ROUTING_KEY = 'x-smg-routing-key';

const customLabels = new WeakMap<Response, Labels>();

/** The labels that the headers of a request give it; null where they give none. */
export function customLabelsOf(res: Response): Labels | null {
  return customLabels.get(res) ?? null;
}

/** Counts requests by the pattern of their route. */
export class HttpMetrics {
  private readonly patterns = new WeakMap<Response, string>();
  /** Requests in progress, by endpoint and method and by routing key. */
  private readonly active = new Map<string, number>();
  private readonly routingKeys = new Map<string, number>();

  /** @param labelsHeader name of the header with custom labels; null where no label is allowed */
  constructor(
    private readonly metrics: Recorder,
    private readonly labelsHeader: string | null,
  ) {}

  /** Comes before everything else. */
  readonly watch: RequestHandler = (req, res, next) => {
    const key = req.headers[ROUTING_KEY];
    if (typeof key === 'string') this.countKey(key, 1);
    if (this.labelsHeader !== null) readLabels(req, res, this.labelsHeader);
    res.once('close', () => {
      if (typeof key === 'string') this.countKey(key, -1);
      const pattern = this.patterns.get(res);
      if (pattern === undefined) this.begin(UNMATCHED, req.method);
      this.end(pattern ?? UNMATCHED, req.method, res);
    });
    next();
  };

  /** Comes first in each route. @param pattern of its path */
  route(pattern: string): RequestHandler {
    return (req, res, next) => {
      this.patterns.set(res, pattern);
      this.begin(pattern, req.method);
      next();
    };
  }

  private begin(endpoint: string, method: string): void {
    this.metrics.record('http_requests_total', 1, { endpoint, method });
    this.countActive(endpoint, method, 1);
  }

  private end(endpoint: string, method: string, res: Response): void {
    const status_code = String(res.headersSent ? res.statusCode : CLIENT_LEFT);
    this.metrics.record('http_responses_total', 1, { endpoint, status_code, method });
    this.countActive(endpoint, method, -1);
  }

  private countActive(endpoint: string, method: string, change: 1 | -1): void {
    const count = bump(this.active, `${method} ${endpoint}`, change);
    this.metrics.record('http_requests_active', count, { endpoint, method });
  }

  private countKey(key: string, change: 1 | -1): void {
    bump(this.routingKeys, key, change);
    this.metrics.record('routing_keys_active', this.routingKeys.size);
  }
}

/** Keeps only what is not zero. */
function bump(counts: Map<string, number>, key: string, change: 1 | -1): number {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
  return count;
}

/** Labels are no reason to refuse a request: what is no object of texts is left out, with a word in the log. */
function readLabels(req: Request, res: Response, header: string): void {
  const text = req.headers[header];
  if (typeof text !== 'string') return;
  try {
    const value: unknown = JSON.parse(text);
    if (isLabels(value)) customLabels.set(res, value);
    else warnOnce(`The header ${header} is left out: it must be a JSON object of strings.`);
  } catch {
    warnOnce(`The header ${header} is left out: it is not valid JSON.`);
  }
}

/** Whether a value is an object whose members are all texts. */
export function isLabels(value: unknown): value is Labels {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((member) => typeof member === 'string')
  );
}
