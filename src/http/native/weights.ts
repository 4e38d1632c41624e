import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { ParameterRows } from '../../ipc/messages';
import type { WeightUpdate, WeightUpdateResult } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import type { RouteSpec } from '../route';

const object = { error: NOT_AN_OBJECT };
const boolean = z.boolean({ error: 'must be true or false' }).nullish();
const integer = z.int({ error: 'must be an integer' });
const text = z.string({ error: 'must be a string' });

const updateSchema = z.object(
  {
    model_path: text.min(1, { error: 'must not be empty' }),
    load_format: z
      .enum(['auto', 'safetensors', 'gguf', 'dummy'], {
        error:
          "must be 'auto', 'safetensors', 'gguf' or 'dummy': weights are read from safetensors and GGUF files",
      })
      .nullish(),
    abort_all_requests: boolean,
    weight_version: text.nullish(),
    is_async: boolean,
    torch_empty_cache: boolean,
    keep_pause: boolean,
    recapture_cuda_graph: boolean,
    token_step: integer.nullish(),
    flush_cache: boolean,
  },
  object,
);
const UPDATE_OTHER: OtherFields = { unavailable: ['manifest'] };
const versionSchema = z.object({ new_version: text, abort_all_requests: boolean }, object);
const readSchema = z.object(
  { name: text, truncate_size: integer.min(0, { error: 'must be at least 0' }).nullish() },
  object,
);

const DEFAULT_ROWS = 100;

/** Other weights for a running server, and a look at them. */
export function weightRoutes({ manager }: AppDeps): RouteSpec[] {
  const update = (path: string): RouteSpec => ({
    path,
    methods: ['post'],
    level: 'admin_optional',
    body: 'json',
    about: {
      area: 'Operators',
      summary: 'Serves the weights of another checkpoint of the same model',
      body: updateSchema,
      examples: { 'The model that ships': { model_path: 'demo-chat' } },
    },
    async handler(req, res) {
      const result = await manager.weights.update(parseUpdateBody(req.body));
      res.status(result.success ? 200 : 400).json(renderUpdate(result));
    },
  });
  return [
    update('/update_weights_from_disk'),
    update('/update_weights'),
    {
      path: '/update_weight_version',
      methods: ['post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Calls the weights something else in replies; ends all requests unless told not to',
        body: versionSchema,
        examples: { 'While requests run on': { new_version: 'step-1000', abort_all_requests: false } },
      },
      handler(req, res) {
        const { new_version, abort_all_requests } = parseBody(versionSchema, req.body);
        manager.weights.rename(new_version, abort_all_requests ?? true);
        res.json({ success: true, message: `Weight version updated to ${new_version}`, new_version });
      },
    },
    {
      path: '/get_weights_by_name',
      methods: ['get', 'post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'The first rows of a weight',
        body: readSchema,
        examples: { 'Two rows': { name: 'model.norm.weight', truncate_size: 2 } },
      },
      async handler(req, res) {
        res.json(await readWeights(manager, req.body));
      },
    },
  ];
}

/** @throws RequestError as `parseBody` */
export function parseUpdateBody(value: unknown): WeightUpdate {
  const body = parseBody(updateSchema, value, UPDATE_OTHER);
  return {
    modelPath: body.model_path,
    loadFormat: body.load_format ?? null,
    abortAllRequests: body.abort_all_requests ?? false,
    weightVersion: body.weight_version ?? null,
    keepPause: body.keep_pause ?? false,
    flushCache: body.flush_cache ?? true,
    tokenStep: body.token_step ?? 0,
  };
}

/** What `/update_weights_from_disk` answers. */
export interface UpdateReply {
  readonly success: boolean;
  readonly message: string;
  /** Requests that a paused server held meanwhile. */
  readonly num_paused_requests: number;
}

export function renderUpdate({ success, message, pausedRequests }: WeightUpdateResult): UpdateReply {
  return { success, message, num_paused_requests: pausedRequests };
}

/** Lists within lists, as deep as the weight has sizes. */
export type Values = readonly (number | Values)[];

/**
 * What `/get_weights_by_name` answers: the values, or a list of them with several schedulers.
 * @throws RequestError as `parseBody`, and for a weight that there is not
 */
export async function readWeights(manager: AppDeps['manager'], value: unknown): Promise<Values> {
  const { name, truncate_size } = parseBody(readSchema, value ?? {});
  const all = await manager.weights.read(name, truncate_size ?? DEFAULT_ROWS);
  if (all === null) {
    throw new RequestError('bad_value', `Get parameter by name failed: the model has no '${name}'.`, 'name');
  }
  const values = all.map((rows) => nested(rows));
  return values.length === 1 ? (values[0] ?? []) : values;
}

function nested({ shape, values }: ParameterRows): Values {
  const [size = values.length, ...rest] = shape;
  if (rest.length === 0) return Array.from(values);
  const step = rest.reduce((product, one) => product * one, 1);
  return Array.from({ length: size }, (_, row) =>
    nested({ shape: rest, values: values.subarray(row * step, (row + 1) * step) }),
  );
}
