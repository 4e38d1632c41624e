import { z } from 'zod';
import type { OpenSession } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';

const object = { error: NOT_AN_OBJECT };
const name = z
  .string({ error: 'must be a string' })
  .min(1, { error: 'must have 1 to 256 characters' })
  .max(256, { error: 'must have 1 to 256 characters' })
  .refine((id) => !/[\p{Cc}\p{Cs}]/u.test(id), {
    error: 'must be well-formed Unicode without control characters',
  });

const openSchema = z.object(
  {
    capacity_of_str_len: z.int({ error: 'must be an integer' }),
    session_id: name.nullish(),
    streaming: z.boolean({ error: 'must be true or false' }).nullish(),
    timeout: z
      .number({ error: 'must be a number of seconds' })
      .positive({ error: 'must be more than 0' })
      .nullish(),
  },
  object,
);
const closeSchema = z.object({ session_id: z.string({ error: 'must be a string' }) }, object);

const OPEN: RouteDescription = {
  area: 'Native',
  summary: 'Opens a session, in which requests of /generate go on from each other; its name is the answer',
  body: openSchema,
  examples: {
    'A session': { capacity_of_str_len: 1000 },
    'One that is closed after a minute without requests': {
      capacity_of_str_len: 1000,
      session_id: 'my-session',
      timeout: 60,
    },
  },
  only: 'generation',
};

const CLOSE: RouteDescription = {
  area: 'Native',
  summary: 'Closes a session; an unknown one is ignored',
  body: closeSchema,
  examples: { 'A session': { session_id: 'my-session' } },
  reply: 'nothing',
  only: 'generation',
};

/** `/open_session`, `/close_session`. */
export function sessionRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/open_session',
      methods: ['get', 'post'],
      level: 'normal',
      body: 'json',
      about: OPEN,
      handler(req, res) {
        res.json(manager.openSession(parseOpenBody(req.body ?? {})));
      },
    },
    {
      path: '/close_session',
      methods: ['get', 'post'],
      level: 'normal',
      whileDraining: true,
      body: 'json',
      about: CLOSE,
      handler(req, res) {
        manager.closeSession(parseBody(closeSchema, req.body ?? {}).session_id);
        res.status(200).end();
      },
    },
  ];
}

/** @throws RequestError as `parseBody` */
export function parseOpenBody(value: unknown): OpenSession {
  const { session_id, streaming, timeout } = parseBody(openSchema, value);
  return { id: session_id ?? null, streaming: streaming ?? false, timeout: timeout ?? null };
}
