import type { Response } from 'express';
import { env } from '../core/env';
import { errorMessage } from '../core/errors';
import { logger, timestamp } from '../logging/logger';
import type { Heartbeat } from '../tokenizer-manager';
import type { AppDeps } from './app-deps';
import type { RouteSpec } from './route';
import type { ServerPhase } from './app-deps';
import { disconnectSignal } from './event-stream';

let probes = 0;

/** `/health` looks at the schedulers' last signs of life; `/health_generate` has each generate a token. */
export function healthRoutes({ manager, status }: AppDeps): RouteSpec[] {
  const isServing = () => checkPhase(status.phase);
  return [
    {
      path: '/health',
      methods: ['get'],
      level: 'open',
      about: {
        area: 'Server',
        summary: '200 while the scheduler makes progress, else 503',
        reply: 'nothing',
      },
      handler(_req, res) {
        reply(
          res,
          isServing() &&
            (!env('SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION') ||
              checkHeartbeats(manager.heartbeats, timeoutMs())),
        );
      },
    },
    {
      path: '/health_generate',
      methods: ['get'],
      level: 'open',
      about: { area: 'Server', summary: 'The same, after one token was generated', reply: 'nothing' },
      async handler(_req, res) {
        reply(res, isServing() && (await probe({ manager }, disconnectSignal(res))));
      },
    },
  ];
}

/** Whether all schedulers, last heard of like this, are alive and making progress. */
export function areAlive(heartbeats: readonly Heartbeat[], limitMs: number): boolean {
  return heartbeats.every(({ state, ageMs }) => ageMs <= limitMs && (state?.busyMs ?? 0) <= limitMs);
}

function reply(res: Response, isHealthy: boolean): void {
  res.status(isHealthy ? 200 : 503).end();
}

function checkPhase(phase: ServerPhase): boolean {
  if (phase === 'draining') {
    logger.log('info', 'Health check request received during shutdown. Returning 503.');
  }
  return phase === 'up';
}

function checkHeartbeats(heartbeats: readonly Heartbeat[], limitMs: number): boolean {
  const healthy = areAlive(heartbeats, limitMs);
  if (!healthy) logFailure(limitMs, performance.now(), heartbeats);
  return healthy;
}

/**
 * Runs one token through the whole engine, by way of each scheduler. Any output of that scheduler that comes back meanwhile
 * proves the same, so a busy server is not made to wait for its turn; what is left of the probe is aborted.
 */
async function probe({ manager }: Pick<AppDeps, 'manager'>, gone: AbortSignal): Promise<boolean> {
  const start = performance.now();
  const limitMs = timeoutMs();
  // As with SGLang: a server whose memory is lent out is none the worse for it.
  if (manager.weights.isReleased) return checkHeartbeats(manager.heartbeats, limitMs);
  const done = new AbortController();
  try {
    const rid = `HEALTH_CHECK_${Date.now() / 1000}_${probes++}`;
    await manager.probe(rid, AbortSignal.any([gone, done.signal]));
  } catch (error) {
    logger.log('error', `Health check failed: ${errorMessage(error)}`);
    return false;
  }
  const healthy = await manager.outputOfEach(limitMs);
  done.abort();
  if (!healthy) logFailure(limitMs, start, manager.heartbeats);
  return healthy;
}

/** @param start by `performance.now()` */
function logFailure(limitMs: number, start: number, heartbeats: readonly Heartbeat[]): void {
  const ageMs = Math.max(...heartbeats.map((heartbeat) => heartbeat.ageMs));
  const clock = (at: number) => timestamp(new Date(performance.timeOrigin + at), false).slice(-8);
  logger.log(
    'error',
    `Health check failed. Server couldn't get a response from detokenizer for last ${limitMs / 1000} seconds. ` +
      `tic start time: ${clock(start)}. last_heartbeat time: ${clock(performance.now() - ageMs)}`,
  );
}

function timeoutMs(): number {
  return env('SGLANG_HEALTH_CHECK_TIMEOUT') * 1000;
}
