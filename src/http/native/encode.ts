import { z } from 'zod';
import type { EmbedReply, EmbedRequest } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import { ids, strings } from './prompt-fields';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { disconnectSignal } from '../sse';

const schema = z.object(
  {
    text: strings,
    input_ids: ids,
    rid: strings,
    no_logs: z.boolean({ error: 'must be true or false' }).nullish(),
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ignored: [
    'model',
    'sampling_params',
    'log_metrics',
    'custom_labels',
    'external_trace_header',
    'received_time',
    'received_time_perf',
    'validation_time',
  ],
  unavailable: [
    'input_embeds',
    'embed_override_token_id',
    'embed_overrides',
    'positional_embed_overrides',
    'image_data',
    'video_data',
    'audio_data',
    'modalities',
    'use_audio_in_video',
    'is_cross_encoder_request',
    'dimensions',
    'lora_path',
    'lora_id',
    'priority',
    'routing_key',
    'background',
    'data_parallel_rank',
    'routed_dp_rank',
    'return_pooled_hidden_states',
    'multi_item_delimiter_indices',
    'max_dynamic_patch',
    'min_dynamic_patch',
  ],
};

/** `/encode`: a vector for each text. */
export function encodeRoutes({ args, manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/encode',
      methods: ['post', 'put'],
      level: 'normal',
      body: 'json',
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const reply = await manager.encode(
            { ...parseEncodeBody(req.body), origin: originOf(req, res) },
            gone,
          );
          if (!gone.aborted) res.json(renderVectors(reply, args.weightVersion));
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
  ];
}

/** @throws RequestError as `parseBody` */
export function parseEncodeBody(value: unknown): Omit<EmbedRequest, 'origin'> {
  const body = parseBody(schema, value, OTHER);
  return {
    text: body.text ?? null,
    inputIds: body.input_ids ?? null,
    rid: body.rid ?? null,
    noLogs: body.no_logs ?? false,
  };
}

/** The reply of `/encode`: one vector, or a list of them. */
export function renderVectors({ results, isBatch }: EmbedReply, weightVersion: string): unknown {
  const rendered = results.map(({ rid, vector, promptTokens, finish, e2eLatency }) => ({
    embedding: Array.from(vector),
    meta_info: {
      id: rid,
      finish_reason: finish,
      prompt_tokens: promptTokens,
      weight_version: weightVersion,
      total_retractions: 0,
      e2e_latency: e2eLatency,
      response_sent_to_client_ts: Date.now() / 1000,
    },
  }));
  return isBatch ? rendered : rendered[0];
}
