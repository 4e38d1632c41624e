import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { bug, RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import { templateOf, type ChatService } from '../chat/chat-service';
import { toRequestError } from '../error-handler';
import { disconnectSignal, NAMED_SSE } from '../event-stream';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { tellUnenforced } from '../request-fields/grammar-fields';
import type { RouteSpec } from '../route';
import { sendEvents } from '../send-events';
import { messagesOf } from './items';
import { checkId, readRequest, responseSchema, type InputItem, type ResponseRequest } from './request';
import { numbered, responseEvents, type ResponseContext } from './response-events';
import { newResponse, type ResponseObject } from './response-object';
import { ResponseStore, type StoredResponse } from './response-store';
import { chatBody, drawingOf } from './to-chat';

const WHERE = 'POST /v1/responses';

const CREATE: RouteDescription = {
  area: 'OpenAI',
  summary: 'A response to items of a conversation, whole, as a stream, or in the background',
  body: responseSchema,
  examples: {
    'A question': { input: 'What is the capital of France?', temperature: 0 },
    'A stream': { input: 'What is the capital of Spain?', instructions: 'Answer in one word.', stream: true },
  },
  reply: 'events',
  only: 'generation',
};

/** OpenAI's Responses API, `/v1/responses`, over the chat. */
export function responsesRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
  const store = new ResponseStore();
  const about = (summary: string): RouteDescription => ({ area: 'OpenAI', summary, only: 'generation' });
  const one = (
    methods: RouteSpec['methods'],
    path: string,
    summary: string,
    handler: (id: string, req: Request, res: Response) => void,
  ): RouteSpec => ({
    path: `/v1/responses/:id${path}`,
    methods,
    level: 'normal',
    about: about(summary),
    handler(req, res) {
      const id = String(req.params['id']);
      checkId(id, 'response_id');
      handler(id, req, res);
    },
  });
  return [
    {
      path: '/v1/responses',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: CREATE,
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          await create(deps, { chats, store }, { req, res, gone });
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
    {
      ...one(['get', 'delete'], '', 'A response that is kept, or its removal', (id, req, res) => {
        const { response } = stored(store, id);
        if (req.method === 'GET') return void res.json(response);
        deps.manager.abort(id);
        store.delete(id);
        res.json({ id, object: 'response', deleted: true });
      }),
      whileDraining: true,
    },
    {
      ...one(['post'], '/cancel', 'Ends a response that is being made', (id, _req, res) => {
        const { response, ...rest } = stored(store, id);
        if (response.status !== 'in_progress' && response.status !== 'queued') return void res.json(response);
        deps.manager.abort(id);
        const cancelled: ResponseObject = { ...response, status: 'cancelled' };
        store.set(id, { ...rest, response: cancelled });
        res.json(cancelled);
      }),
      whileDraining: true,
    },
    one(['get'], '/input_items', 'What the request of a response fed', (id, req, res) => {
      const { input } = stored(store, id);
      const data = req.query['order'] === 'asc' ? input : [...input].reverse();
      const [first = null, last = null] = [data.at(0)?.['id'], data.at(-1)?.['id']];
      res.json({ object: 'list', data, first_id: first, last_id: last, has_more: false });
    }),
  ];
}

interface Work {
  readonly chats: ChatService;
  readonly store: ResponseStore;
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly gone: AbortSignal;
}

async function create(deps: AppDeps, { chats, store }: Work, { req, res, gone }: Exchange): Promise<void> {
  const request = readRequest(req.body);
  const chat = templateOf(deps);
  const input = itemsOf(request);
  const find = (id: string) => store.item(id);
  const conversation = [
    ...(request.previous_response_id == null
      ? []
      : continued(stored(store, request.previous_response_id), chats)),
    ...messagesOf(input, chats.pastThoughts, find),
  ];
  const id = request.request_id ?? `resp_${randomUUID().replaceAll('-', '')}`;
  const drawing = drawingOf(request, chats.defaults);
  // Nobody waits for what is made in the background.
  const until = request.background === true ? new AbortController().signal : gone;
  const asked = await chats.inOrder(chatBody(request, conversation, { id, drawing, chat }), until);
  const body = chats.parse(asked, originOf(req, res));
  const running = await chats.start(body, until);
  tellUnenforced(res, body.grammar);
  const initial = newResponse(request, { id, drawing, served: deps.manager.served.name });
  let isKept = false;
  const keep = (response: ResponseObject) => {
    // One that was deleted while it was made does not come back.
    if (request.store === false || (isKept && store.get(id) === null)) return;
    store.set(id, { response, conversation, input });
    isKept = true;
  };
  const context: ResponseContext = {
    initial,
    isSummary: request.reasoning?.summary != null,
    textOf: (token) => deps.manager.tokenizer?.tokenText(token) ?? '',
    keep,
    messageOf: (error) => toRequestError(error, WHERE).message,
  };
  const events = responseEvents(running, context);
  if (request.stream === true) {
    return sendEvents(numbered(events), { res, gone, where: WHERE, form: NAMED_SSE });
  }
  if (request.background === true) {
    keep(initial);
    void inBackground(events);
    return void res.json(initial);
  }
  const response = await lastOf(events);
  if (!gone.aborted) res.json(response);
}

/** Makes a response of which nobody waits for the events; what goes wrong is kept with it. */
async function inBackground(events: AsyncGenerator<object>): Promise<void> {
  try {
    for await (const event of events) void event;
  } catch {
    // It is in the store as a failed one, and in the log.
  }
}

/** @throws RequestError where the response failed: a reply that is not sent yet can say so by its status */
async function lastOf(events: ReturnType<typeof responseEvents>): Promise<ResponseObject> {
  for await (const { type, response } of events) {
    if (type === 'response.completed') return response as ResponseObject;
    if (type === 'response.failed') {
      const { error } = response as { readonly error: { readonly message: string } };
      throw new RequestError('internal', error.message);
    }
  }
  throw bug('a response without an end');
}

function itemsOf({ input }: ResponseRequest): readonly InputItem[] {
  const items: readonly InputItem[] =
    typeof input === 'string'
      ? [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
      : input;
  return items.map((item) => ({ id: `msg_${randomUUID().replaceAll('-', '')}`, ...item }));
}

/** What was said up to the end of a response. */
function continued({ conversation, response }: StoredResponse, chats: ChatService) {
  if (response.status === 'queued' || response.status === 'in_progress') {
    throw new RequestError(
      'bad_value',
      `Response with id '${response.id}' is still being made.`,
      'previous_response_id',
    );
  }
  return [...conversation, ...messagesOf(response.output, chats.pastThoughts, () => null)];
}

function stored(store: ResponseStore, id: string): StoredResponse {
  const found = store.get(id);
  if (found !== null) return found;
  throw new RequestError('not_found', `Response with id '${id.slice(0, 64)}' not found.`, 'response_id');
}
