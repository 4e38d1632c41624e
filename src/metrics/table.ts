import {
  E2E_SECONDS,
  EBNF_CHARACTERS,
  EXPONENTIAL_SECONDS,
  GRAMMAR_SECONDS,
  INTER_TOKEN_SECONDS,
  QUEUE_SECONDS,
  RETRACTIONS,
  SCHEMA_COUNTS,
  SHARES,
  TOKEN_COUNTS,
  TRAVERSAL_SECONDS,
  TTFT_SECONDS,
} from './buckets';

/** What a metric is: the one place that says so. A line here and a call of `record` where the number is made are enough. */
interface Definition {
  /** What `record` does with a value: adds it, keeps the last one, or sorts it into buckets. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  /**
   * Labels that every series has:
   * - `engine`:  model_name, engine_type, tp_rank, pp_rank, moe_ep_rank, dp_rank with `--dp-size`, and those of `--extra-metric-labels`
   * - `request`: model_name, the custom labels that are allowed, and those of `--extra-metric-labels`
   * - `none`:    none
   */
  readonly scope: 'engine' | 'request' | 'none';
  /** Labels of its own: the values each can have, or `any`, where few are expected. Known ones are there from the start. */
  readonly labels?: Readonly<Record<string, readonly string[] | 'any'>>;
  /** A histogram's upper bounds, ascending, as long as no flag sets them. */
  readonly buckets?: readonly number[];
  /** SGLang's other name of the same number: before or after it was renamed. Exported as well. */
  readonly also?: string;
  readonly help: string;
}

/** `tokenizer`, `scheduler` (`scheduler_DP0` and so on where there are several), `detokenizer`. */
const PROCESSES = { component: 'any' } as const;

/** By name, without the prefix `sglang:`. docs/monitoring/README.md lists them for those who read the numbers. */
export const METRICS = {
  // What runs and what waits.
  num_running_reqs: { type: 'gauge', scope: 'engine', help: 'Requests that hold a KV row.' },
  num_queue_reqs: { type: 'gauge', scope: 'engine', help: 'Requests in the waiting queue.' },
  num_grammar_queue_reqs: {
    type: 'gauge',
    scope: 'engine',
    help: 'Requests that wait for their grammar or another preparation.',
  },
  num_retracted_reqs: {
    type: 'gauge',
    scope: 'engine',
    help: 'Requests in the waiting queue that ran before.',
  },
  num_paused_reqs: { type: 'gauge', scope: 'engine', help: 'Requests held by /pause_generation.' },
  num_unique_running_routing_keys: {
    type: 'gauge',
    scope: 'engine',
    help: 'Distinct routing keys of running requests.',
  },
  routing_key_running_req_count: {
    type: 'gauge',
    scope: 'engine',
    labels: { gt: 'any', le: 'any' },
    help: 'Routing keys by their number of running requests, in (gt, le].',
  },
  routing_key_all_req_count: {
    type: 'gauge',
    scope: 'engine',
    labels: { gt: 'any', le: 'any' },
    help: 'Routing keys by their number of running and waiting requests, in (gt, le].',
  },
  utilization: {
    type: 'gauge',
    scope: 'engine',
    help: 'The larger of the shares of KV rows and of KV tokens in use, 0 to 1.',
  },
  new_token_ratio: {
    type: 'gauge',
    scope: 'engine',
    help: 'Share of the tokens that running requests may still generate which admission keeps room for.',
  },

  // The KV cache.
  num_used_tokens: {
    type: 'gauge',
    scope: 'engine',
    also: 'kv_used_tokens',
    help: 'KV tokens of running requests, the prefixes they share included.',
  },
  kv_available_tokens: { type: 'gauge', scope: 'engine', help: 'KV tokens that are free.' },
  kv_evictable_tokens: { type: 'gauge', scope: 'engine', help: 'Cached KV tokens that no request uses.' },
  max_total_num_tokens: { type: 'gauge', scope: 'engine', help: 'KV tokens in all.' },
  token_usage: {
    type: 'gauge',
    scope: 'engine',
    also: 'full_token_usage',
    help: 'Share of the KV tokens in use, 0 to 1.',
  },
  decode_sum_seq_lens: { type: 'gauge', scope: 'engine', help: 'Tokens of all requests that decode.' },
  cache_config_info: {
    type: 'gauge',
    scope: 'engine',
    labels: { page_size: 'any', num_pages: 'any' },
    help: 'Always 1; the form of the KV cache.',
  },
  page_size: { type: 'gauge', scope: 'engine', help: 'Tokens of a page of the KV cache.' },
  num_pages: { type: 'gauge', scope: 'engine', help: 'Pages of the KV cache.' },
  context_len: { type: 'gauge', scope: 'engine', help: 'Tokens that a request can have.' },
  cache_hit_rate: {
    type: 'gauge',
    scope: 'engine',
    help: 'Share of the prompt tokens of the last prefill batch that were cached; 0 after a Decode batch line.',
  },
  prefix_cache_lookup_tokens_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Tokens of admitted requests that were looked up in the prefix cache.',
  },
  prefix_cache_hit_tokens_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Those of them that were found.',
  },
  evicted_tokens_total: { type: 'counter', scope: 'engine', help: 'Tokens evicted from the prefix cache.' },
  eviction_duration_seconds: {
    type: 'histogram',
    scope: 'engine',
    buckets: EXPONENTIAL_SECONDS,
    help: 'Time of an eviction.',
  },

  // Batches.
  gen_throughput: {
    type: 'gauge',
    scope: 'engine',
    help: 'Tokens a second in the last interval of decode steps.',
  },
  realtime_tokens_total: {
    type: 'counter',
    scope: 'engine',
    labels: { mode: ['prefill_compute', 'prefill_cache', 'decode'] },
    help: 'Tokens computed by prefill, taken from the prefix cache instead, and decoded, as they happen.',
  },
  forward_execution_seconds_total: {
    type: 'counter',
    scope: 'engine',
    labels: { category: ['forward_extend', 'forward_decode'] },
    also: 'gpu_execution_seconds_total',
    help: 'Time in which batches were computed, on whatever device.',
  },
  cuda_graph_passes_total: {
    type: 'counter',
    scope: 'engine',
    labels: { mode: ['decode_cuda_graph', 'decode_none'] },
    help: 'Decode steps of batch sizes that were captured at start, and of others.',
  },
  is_cuda_graph: {
    type: 'gauge',
    scope: 'engine',
    help: '1 if the last decode step had a captured batch size, else 0.',
  },
  num_retracted_requests_total: { type: 'counter', scope: 'engine', help: 'Retractions of requests.' },
  num_retracted_input_tokens_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Prompt tokens of retracted requests.',
  },
  num_retracted_output_tokens_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Generated tokens of retracted requests.',
  },
  queue_time_seconds: {
    type: 'histogram',
    scope: 'engine',
    buckets: QUEUE_SECONDS,
    help: 'Time from the scheduler to the first admission.',
  },
  per_stage_req_latency_seconds: {
    type: 'histogram',
    scope: 'engine',
    labels: { stage: ['request_process', 'prefill_waiting', 'prefill_forward', 'decode_forward'] },
    buckets: EXPONENTIAL_SECONDS,
    help: 'Time of a request in its stages: checked and tokenized, waiting, from admission to the first token, from there on.',
  },
  eplb_balancedness: {
    type: 'histogram',
    scope: 'engine',
    labels: { forward_mode: 'any' },
    buckets: SHARES,
    help: 'Of each recorded forward pass, how evenly its tokens went to experts: mean over highest load, 1 is even. With --enable-expert-distribution-metrics.',
  },
  spec_accept_length: {
    type: 'gauge',
    scope: 'engine',
    help: 'Tokens that a run of the model gives a request, of late: 1 while no draft pays. 0 without --speculative-algorithm.',
  },
  spec_accept_rate: {
    type: 'gauge',
    scope: 'engine',
    help: 'Accepted tokens of those drafted, of late. 0 without --speculative-algorithm.',
  },

  // The start.
  startup_time_seconds: {
    type: 'gauge',
    scope: 'engine',
    also: 'engine_startup_time',
    help: 'Time from the start of the scheduler process until it was ready.',
  },
  weight_load_duration_seconds: {
    type: 'gauge',
    scope: 'engine',
    also: 'engine_load_weights_time',
    help: 'Time in which the weights were loaded.',
  },
  weight_memory_usage_gb: { type: 'gauge', scope: 'engine', help: 'Memory of the weights, GiB.' },
  kv_cache_memory_usage_gb: {
    type: 'gauge',
    scope: 'engine',
    help: 'Memory reserved for the KV cache, GiB.',
  },
  graph_memory_usage_gb: { type: 'gauge', scope: 'engine', help: 'Memory of captured batch sizes, GiB.' },

  // Grammars, one count for each request that has one.
  num_grammar_total: { type: 'counter', scope: 'engine', help: 'Grammars that requests came with.' },
  num_grammar_cache_hit_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Those of them that had been compiled, or refused, before.',
  },
  num_grammar_aborted_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Those of them that do not compile, when they first came.',
  },
  num_grammar_timeout_total: {
    type: 'counter',
    scope: 'engine',
    help: 'Those of these that took longer than SGLANG_GRAMMAR_TIMEOUT.',
  },
  grammar_compilation_time_seconds: {
    type: 'histogram',
    scope: 'engine',
    buckets: GRAMMAR_SECONDS,
    help: 'Time from the first request for a grammar until it was compiled or refused.',
  },
  grammar_schema_count: {
    type: 'histogram',
    scope: 'engine',
    buckets: SCHEMA_COUNTS,
    help: 'JSON Schemas in a grammar of JSON or a structural tag, when it first came.',
  },
  grammar_ebnf_size: {
    type: 'histogram',
    scope: 'engine',
    buckets: EBNF_CHARACTERS,
    help: 'Characters of a grammar in EBNF, when it first came.',
  },
  grammar_tree_traversal_time_avg: {
    type: 'histogram',
    scope: 'engine',
    buckets: TRAVERSAL_SECONDS,
    help: 'Seconds it took to find the tokens that a grammar lets come next, the mean of a request.',
  },
  grammar_tree_traversal_time_max: {
    type: 'histogram',
    scope: 'engine',
    buckets: TRAVERSAL_SECONDS,
    help: 'The longest of these times of a request.',
  },

  // Requests, exact: each is counted when it ends, however it ends.
  num_requests_total: { type: 'counter', scope: 'request', help: 'Requests that ended.' },
  num_aborted_requests_total: {
    type: 'counter',
    scope: 'request',
    help: 'Those of them that were aborted, turned away or failed.',
  },
  num_so_requests_total: { type: 'counter', scope: 'request', help: 'Those of them with a grammar.' },
  prompt_tokens_total: { type: 'counter', scope: 'request', help: 'Prompt tokens of requests that ended.' },
  generation_tokens_total: {
    type: 'counter',
    scope: 'request',
    help: 'Generated tokens of requests that ended.',
  },
  cached_tokens_total: {
    type: 'counter',
    scope: 'request',
    labels: { cache_source: ['total'] },
    help: 'Prompt tokens of requests that ended which were found in the prefix cache.',
  },
  time_to_first_token_seconds: {
    type: 'histogram',
    scope: 'request',
    buckets: TTFT_SECONDS,
    help: 'Time from the arrival of a request to its first token.',
  },
  inter_token_latency_seconds: {
    type: 'histogram',
    scope: 'request',
    buckets: INTER_TOKEN_SECONDS,
    help: 'Time between tokens; an interval that brings k tokens counts k times as its k-th part.',
  },
  e2e_request_latency_seconds: {
    type: 'histogram',
    scope: 'request',
    buckets: E2E_SECONDS,
    help: 'Time from the arrival of a request to its end; not of aborted ones.',
  },
  num_retractions: {
    type: 'histogram',
    scope: 'request',
    buckets: RETRACTIONS,
    help: 'How often a request was retracted; not of aborted ones.',
  },
  prompt_tokens_histogram: {
    type: 'histogram',
    scope: 'request',
    buckets: TOKEN_COUNTS,
    help: 'Prompt tokens of a request; not of aborted ones.',
  },
  uncached_prompt_tokens_histogram: {
    type: 'histogram',
    scope: 'request',
    buckets: TOKEN_COUNTS,
    help: 'Those of them that were not cached.',
  },
  generation_tokens_histogram: {
    type: 'histogram',
    scope: 'request',
    buckets: TOKEN_COUNTS,
    help: 'Generated tokens of a request; not of aborted ones.',
  },

  // HTTP. The endpoint is the pattern of a route, or `unmatched`.
  http_requests_total: {
    type: 'counter',
    scope: 'none',
    labels: { endpoint: 'any', method: 'any' },
    help: 'HTTP requests.',
  },
  http_responses_total: {
    type: 'counter',
    scope: 'none',
    labels: { endpoint: 'any', status_code: 'any', method: 'any' },
    help: 'HTTP replies; 499 for a client that left before its reply began.',
  },
  http_requests_active: {
    type: 'gauge',
    scope: 'none',
    labels: { endpoint: 'any', method: 'any' },
    help: 'HTTP requests without a complete reply.',
  },
  routing_keys_active: {
    type: 'gauge',
    scope: 'none',
    help: 'Distinct values of the header x-smg-routing-key among them.',
  },

  // The processes.
  process_cpu_seconds_total: {
    type: 'counter',
    scope: 'none',
    labels: PROCESSES,
    help: 'CPU time of a process, all threads.',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    scope: 'none',
    labels: PROCESSES,
    help: 'Resident memory of a process.',
  },
  process_heap_used_bytes: {
    type: 'gauge',
    scope: 'none',
    labels: PROCESSES,
    help: 'Memory of the JavaScript objects of a process.',
  },
  event_loop_delay_seconds: {
    type: 'gauge',
    scope: 'none',
    labels: { component: 'any', quantile: 'any' },
    help: 'By how much timers of a process were late in this half minute or the one before; quantile 1 is the longest delay.',
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricName = keyof typeof METRICS;

/** The labels of a series besides those that its scope gives it. */
export type Labels = Readonly<Record<string, string>>;

/** The labels that `record` is told: those of the metric's own, and for the metrics of requests the custom ones. */
export type LabelsOf<N extends MetricName> = OwnLabels<(typeof METRICS)[N]> &
  ((typeof METRICS)[N]['scope'] extends 'request' ? Labels : unknown);

type OwnLabels<D> = D extends { readonly labels: infer L }
  ? { readonly [K in keyof L]: L[K] extends readonly (infer V)[] ? V : string }
  : unknown;

export function definitionOf(name: MetricName): Definition {
  return METRICS[name];
}

/** Every name that is exported, without the prefix. */
export function exportedNames(name: MetricName): string[] {
  const { also } = definitionOf(name);
  return also === undefined ? [name] : [name, also];
}

/** Labels of every metric of a model's engine, besides its name: there is one of each. */
export const RANKS = { engine_type: 'unified', tp_rank: '0', pp_rank: '0', moe_ep_rank: '0' } as const;

/** Names that no label of the operator's may have. */
export const RESERVED_LABELS: ReadonlySet<string> = new Set([
  ...['model_name', 'dp_rank', 'le', 'quantile'],
  ...Object.keys(RANKS),
  ...(Object.keys(METRICS) as MetricName[]).flatMap((name) => Object.keys(definitionOf(name).labels ?? {})),
]);
