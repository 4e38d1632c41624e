import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../src/core/errors';
import type { Api } from './backends';
import type { Sample } from './datasets';
import type { HttpClient } from './http-client';
import { exponential, type Random } from './random';
import { ReplyMeter, type RequestResult } from './reply-meter';

/** Sends one request and measures its reply. Never rejects: a failure is a result, too. */
export async function sendSample(client: HttpClient, api: Api, sample: Sample): Promise<RequestResult> {
  const body = api.body(sample);
  const startedAt = performance.now();
  const meter = new ReplyMeter(startedAt);
  const reader = api.reader(meter);
  const head: Buffer[] = [];
  const failed = (error: string): RequestResult => ({
    error,
    promptLen: sample.promptLen,
    outputLen: 0,
    startedAt,
    latency: performance.now() - startedAt,
    ttft: 0,
    itl: [],
    text: '',
  });
  try {
    const broken: unknown[] = [];
    const status = await client.post(api.path, body, (chunk) => {
      if (head.length === 0) head.push(chunk);
      try {
        reader.push(chunk, performance.now());
      } catch (error) {
        broken.push(error);
      }
    });
    const latency = performance.now() - startedAt;
    if (status !== 200) return failed(`status ${status}: ${Buffer.concat(head).toString().slice(0, 300)}`);
    if (broken.length > 0) return failed(errorMessage(broken[0]));
    const { outputLen, text, error } = reader.finish();
    if (error !== null) return failed(error);
    // A reply in one piece has its first token with its last.
    const ttft = meter.count === 0 ? latency : meter.ttft;
    return {
      error: null,
      promptLen: sample.promptLen,
      outputLen,
      startedAt,
      latency,
      ttft,
      itl: meter.itl,
      text,
    };
  } catch (error) {
    return failed(errorMessage(error));
  }
}

export interface Traffic {
  /** Requests per second; Infinity sends as fast as `maxConcurrency` allows. */
  readonly requestRate: number;
  readonly maxConcurrency: number | null;
  readonly random: Random;
}

/**
 * Sends the samples in order: at the times of a Poisson process, and never more than `maxConcurrency` at once. A
 * request that has to wait for its turn is measured from when it is sent.
 */
export async function drive(
  samples: readonly Sample[],
  { requestRate, maxConcurrency, random }: Traffic,
  send: (sample: Sample) => Promise<RequestResult>,
): Promise<RequestResult[]> {
  const gate = new Gate(maxConcurrency ?? Infinity);
  const pending: Promise<RequestResult>[] = [];
  let due = performance.now();
  for (const sample of samples) {
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    pending.push(gate.pass(() => send(sample)));
    if (requestRate !== Infinity) due += exponential(random, requestRate) * 1000;
  }
  return Promise.all(pending);
}

/** Lets a number of tasks run at a time; the others wait in line. */
class Gate {
  private readonly line: (() => void)[] = [];
  private free: number;

  constructor(places: number) {
    this.free = places;
  }

  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.line.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.line.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}
