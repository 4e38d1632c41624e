import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { disconnectSignal, NDJSON } from '../event-stream';
import { parseBody } from '../fields';
import type { Method, RouteSpec } from '../route';
import { sendEvents } from '../send-events';
import { OTHER_FIELDS } from './common-fields';
import { modelFields, modelOf } from './model-name';

const boolean = z.boolean({ error: 'must be true or false' }).nullish();

const pullSchema = z.object({ ...modelFields, stream: boolean, insecure: boolean }, { error: NOT_AN_OBJECT });

/** What changes the models of an Ollama: here there is one, from start to end. */
export function managementRoutes({ manager }: AppDeps): RouteSpec[] {
  const refused = (path: string, method: Method): RouteSpec => ({
    path,
    methods: [method],
    level: 'normal',
    about: {
      area: 'Ollama',
      summary: 'Another model',
      refusal: 'The server has the model that it was started with.',
    },
    handler() {
      throw new RequestError(
        'not_available',
        `${path} is not available: this server has '${manager.served.name}' and no other (--model-path).`,
      );
    },
  });
  return [
    {
      path: '/api/pull',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      about: {
        area: 'Ollama',
        summary: 'Success for the model that is there; others are refused',
        body: pullSchema,
        examples: { 'The model': { model: 'default' } },
      },
      async handler(req, res) {
        const gone = disconnectSignal(res);
        const body = parseBody(pullSchema, req.body, OTHER_FIELDS);
        modelOf(body, manager.served.name);
        const success = { status: 'success' };
        if (body.stream === false) return void res.json(success);
        await sendEvents(statuses([{ status: 'pulling manifest' }, success]), {
          res,
          gone,
          where: 'POST /api/pull',
          form: NDJSON,
        });
      },
    },
    refused('/api/push', 'post'),
    refused('/api/create', 'post'),
    refused('/api/copy', 'post'),
    refused('/api/delete', 'delete'),
  ];
}

async function* statuses(all: readonly object[]): AsyncGenerator<object> {
  for (const status of all) yield await Promise.resolve(status);
}
