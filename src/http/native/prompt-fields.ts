import { z } from 'zod';
import type { EmbedRequest, GenerateRequest, RequestOrigin } from '../../tokenizer-manager';
import { isLabels } from '../http-metrics';
import { tracedBy } from '../origin';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';

/** Token ids of one text or of several, as a JSON schema. */
export const IDS_SCHEMA = {
  anyOf: [
    { type: 'array', items: { type: 'integer' } },
    { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
  ],
};
const LABELS_SCHEMA = { type: 'object', additionalProperties: { type: 'string' } };

/** What bodies with prompts have in common: one prompt or several, as texts or as token ids, and fields that do nothing here. */

export const strings = z
  .custom<string | string[]>((value) => typeof value === 'string' || isStringList(value), {
    error: 'must be a string or a list of strings',
  })
  .meta({ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] })
  .nullish();

export const ids = z
  .custom<number[] | number[][]>((value) => isIntegerList(value) || isIntegerLists(value), {
    error: 'must be a list of integers or a list of lists of integers',
  })
  .meta(IDS_SCHEMA)
  .nullish();

/** One prompt or several, as texts or as token ids. */
export type Prompts = string | string[] | number[] | number[][];

const isPrompts = (value: unknown) =>
  typeof value === 'string' || isStringList(value) || isIntegerList(value) || isIntegerLists(value);

export const prompts = z
  .custom<Prompts>(isPrompts, {
    error: 'must be a string, a list of strings, a list of integers or a list of lists of integers',
  })
  .meta({
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }, ...IDS_SCHEMA.anyOf],
  });

/** What keeps the cached prefixes of different clients apart. */
export const CACHE_FIELDS = {
  extra_key: strings,
  cache_salt: z.string({ error: 'must be a string' }).nullish(),
};

/** The key of a request's prefixes: their own, and the client's salt if it has one. */
export function extraKeyOf({
  extra_key,
  cache_salt,
}: z.output<z.ZodObject<typeof CACHE_FIELDS>>): string | string[] | null {
  if (cache_salt == null) return extra_key ?? null;
  const salted = (key: string | null) => JSON.stringify([cache_salt, key]);
  return Array.isArray(extra_key) ? extra_key.map(salted) : salted(extra_key ?? null);
}

/** What a request says of the vectors it asks for. */
export const VECTOR_FIELDS = {
  dimensions: z.int({ error: 'must be an integer' }).nullish(),
  prompt_name: z.string({ error: 'must be a string' }).nullish(),
};

/** What a request says of its own measurement. */
export const MEASUREMENT = {
  log_metrics: z.boolean({ error: 'must be true or false' }).nullish(),
  custom_labels: z
    .custom<Record<string, string>>(isLabels, { error: 'must be an object of strings' })
    .meta(LABELS_SCHEMA)
    .nullish(),
};

/** `traceparent` and `tracestate`, in place of the headers of these names. */
export const TRACE_FIELD = {
  external_trace_header: z
    .custom<Record<string, string>>(isLabels, { error: 'must be an object of strings' })
    .meta(LABELS_SCHEMA)
    .nullish(),
};

const rank = z.int({ error: 'must be an integer' }).nullish();

/** Which scheduler is to run a request; the second name is deprecated. */
export const RANK_FIELDS = { routed_dp_rank: rank, data_parallel_rank: rank };

/** What a body says in `RANK_FIELDS`. */
export function dpRankOf(body: {
  readonly [K in keyof typeof RANK_FIELDS]?: number | null | undefined;
}): number | null {
  return body.routed_dp_rank ?? body.data_parallel_rank ?? null;
}

/** What a body says of how it is handled: where it runs, and what is logged and counted of it. */
export function handlingOf(
  body: Parameters<typeof dpRankOf>[0] & {
    readonly no_logs?: boolean | null | undefined;
    readonly log_metrics?: boolean | null | undefined;
    readonly custom_labels?: Record<string, string> | null | undefined;
    readonly external_trace_header?: Record<string, string> | null | undefined;
  },
  origin: RequestOrigin,
): Pick<GenerateRequest & EmbedRequest, 'dpRank' | 'noLogs' | 'logMetrics' | 'customLabels' | 'origin'> {
  return {
    dpRank: dpRankOf(body),
    noLogs: body.no_logs ?? false,
    logMetrics: body.log_metrics ?? true,
    customLabels: body.custom_labels ?? null,
    origin: tracedBy(origin, body.external_trace_header),
  };
}

/** Prompts as texts or as token ids, whichever they are. */
export function textsOrIds(given: Prompts): Pick<EmbedRequest, 'text' | 'inputIds'> {
  const isText = typeof given === 'string' || isStringList(given);
  return { text: isText ? given : null, inputIds: isText ? null : given };
}

/** Fields that SGLang's own processes add; they ask for nothing. */
export const BOOKKEEPING: readonly string[] = ['received_time', 'received_time_perf', 'validation_time'];

/** Features that no kind of model has here. */
export const UNAVAILABLE: readonly string[] = [
  'input_embeds',
  'positional_embed_overrides',
  'image_data',
  'video_data',
  'audio_data',
  'modalities',
  'use_audio_in_video',
  'max_dynamic_patch',
  'min_dynamic_patch',
  'lora_path',
  'lora_id',
  'multi_item_delimiter_indices',
];
