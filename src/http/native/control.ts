import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';
import { disconnectSignal } from '../event-stream';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';

const FLUSH_REPLY =
  'Cache flushed.\nPlease check backend logs for more details. ' +
  '(When there are running or waiting requests, the operation will not be performed.)\n';

const object = { error: NOT_AN_OBJECT };
const noFields = z.object({}, object);
const ABORT_OTHER = { unavailable: ['finished_reason', 'abort_message'] };
const abortSchema = z.object(
  {
    rid: z.string({ error: 'must be a string' }).nullish(),
    abort_all: z.boolean({ error: 'must be true or false' }).nullish(),
  },
  object,
);
const pauseSchema = z.object(
  {
    mode: z
      .enum(['abort', 'retract', 'in_place'], { error: "must be 'abort', 'retract' or 'in_place'" })
      .nullish(),
  },
  object,
);

/** What operators do to a running server. */
export function controlRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/flush_cache',
      methods: ['get', 'post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Drops the prefix cache; 400 while requests run or wait',
        body: noFields,
        examples: { 'At once': {} },
        query: { timeout: { summary: 'Seconds to wait for idleness', example: '' } },
        reply: 'text',
      },
      async handler(req, res) {
        parseBody(noFields, req.body ?? {});
        const flushed = await manager.flushCache(timeoutMs(req.query['timeout']), disconnectSignal(res));
        res
          .status(flushed ? 200 : 400)
          .type('text/plain')
          .send(FLUSH_REPLY);
      },
    },
    {
      path: '/abort_request',
      methods: ['post'],
      level: 'admin_optional',
      whileDraining: true,
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Ends one request, or all',
        body: abortSchema,
        examples: { 'One request': { rid: 'my-request' }, 'All requests': { abort_all: true } },
        reply: 'nothing',
      },
      handler(req, res) {
        const { rid, abort_all } = parseBody(abortSchema, req.body ?? {}, ABORT_OTHER);
        if (abort_all === true) manager.abortAll();
        else if (typeof rid === 'string') manager.abort(rid);
        res.status(200).end();
      },
    },
    {
      path: '/pause_generation',
      methods: ['post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Holds all requests until /continue_generation',
        body: pauseSchema,
        examples: { 'In place': { mode: 'in_place' }, 'Ending those that run': { mode: 'abort' } },
      },
      async handler(req, res) {
        await manager.pauseGeneration(parseBody(pauseSchema, req.body ?? {}).mode ?? 'abort');
        res.json({ message: 'Generation paused successfully.', status: 'ok' });
      },
    },
    {
      path: '/continue_generation',
      methods: ['post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Goes on after /pause_generation',
        body: noFields,
        examples: { 'Go on': {} },
      },
      async handler(req, res) {
        parseBody(noFields, req.body ?? {});
        await manager.continueGeneration();
        res.json({ message: 'Generation continued successfully.', status: 'ok' });
      },
    },
  ];
}

/** @param text the query's `timeout`, in seconds */
function timeoutMs(text: unknown): number {
  if (text === undefined) return 0;
  const seconds = typeof text === 'string' && text.trim() !== '' ? Number(text) : NaN;
  if (!(seconds >= 0 && Number.isFinite(seconds))) {
    throw new RequestError('bad_request', 'timeout: must be a number of seconds, at least 0');
  }
  return seconds * 1000;
}
