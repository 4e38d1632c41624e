import { Command, InvalidArgumentError, Option } from 'commander';

export const BACKENDS = ['sglang', 'sglang-native', 'sglang-oai', 'sglang-oai-chat'] as const;
export const DATASETS = ['random-ids', 'random', 'generated-shared-prefix', 'sharegpt', 'custom'] as const;

export type Backend = (typeof BACKENDS)[number];
export type DatasetName = (typeof DATASETS)[number];

/** The command line, resolved. Lengths are in tokens. */
export interface Options {
  readonly backend: Backend;
  readonly baseUrl: string | null;
  readonly host: string;
  readonly port: number;
  readonly datasetName: DatasetName;
  readonly datasetPath: string | null;
  readonly model: string | null;
  readonly servedModelName: string | null;
  readonly tokenizer: string | null;
  readonly vocabSize: number | null;
  readonly numPrompts: number;
  readonly sharegptOutputLen: number | null;
  readonly sharegptContextLen: number | null;
  readonly randomInputLen: number;
  readonly randomOutputLen: number;
  readonly randomRangeRatio: number;
  readonly gspNumGroups: number;
  readonly gspPromptsPerGroup: number;
  readonly gspSystemPromptLen: number;
  readonly gspQuestionLen: number;
  readonly gspOutputLen: number;
  /** Requests per second; Infinity sends all at once. */
  readonly requestRate: number;
  readonly maxConcurrency: number | null;
  readonly outputFile: string | null;
  readonly outputDetails: boolean;
  readonly disableStream: boolean;
  readonly returnLogprob: boolean;
  readonly seed: number;
  readonly disableIgnoreEos: boolean;
  readonly extraRequestBody: Readonly<Record<string, unknown>>;
  readonly tokenizePrompt: boolean;
  readonly warmupRequests: number;
  readonly flushCache: boolean;
  readonly header: Readonly<Record<string, string>>;
  readonly tag: string | null;
}

/**
 * The flags of SGLang's bench_serving that make sense here, and `--vocab-size`.
 * @param argv arguments after the program's name
 * @throws CommanderError for a command line that cannot be used, after printing why
 */
export function parseOptions(argv: readonly string[]): Options {
  const command = new Command('bench:serving')
    .description('Measures a running server: throughput and latencies of a stream of requests.')
    .exitOverride()
    .addOption(new Option('--backend <name>', 'API to drive').choices(BACKENDS).default('sglang'))
    .option('--base-url <url>', 'server address; overrides --host and --port', orNull, null)
    .option('--host <name>', 'server host', '127.0.0.1')
    .option('--port <n>', 'server port', count, 30000)
    .addOption(new Option('--dataset-name <name>', 'what to send').choices(DATASETS).default('random-ids'))
    .option('--dataset-path <file>', 'JSON or JSONL file of sharegpt and custom', orNull, null)
    .option('--model <path>', 'model folder or name; default: what the server reports', orNull, null)
    .option('--served-model-name <name>', 'model name in requests; default: --model', orNull, null)
    .option('--tokenizer <folder>', 'tokenizer, to make and count text', orNull, null)
    .option('--vocab-size <n>', 'random ids are below this; default: from the model folder', count, null)
    .option('--num-prompts <n>', 'requests to send', count, 1000)
    .option('--sharegpt-output-len <n>', 'output length; default: that of the reference answer', count, null)
    .option('--sharegpt-context-len <n>', 'skip longer conversations', count, null)
    .option('--random-input-len <n>', 'prompt length', count, 1024)
    .option('--random-output-len <n>', 'output length', count, 1024)
    .option('--random-range-ratio <x>', 'shortest length as a share of the longest', ratio, 0)
    .option('--gsp-num-groups <n>', 'groups that share a prefix', count, 64)
    .option('--gsp-prompts-per-group <n>', 'prompts of a group', count, 16)
    .option('--gsp-system-prompt-len <n>', 'length of the shared prefix', count, 2048)
    .option('--gsp-question-len <n>', 'length of what follows it', count, 128)
    .option('--gsp-output-len <n>', 'output length', count, 256)
    .option('--request-rate <x>', 'requests per second (Poisson); inf sends all at once', rate, Infinity)
    .option('--max-concurrency <n>', 'requests in progress at a time', count, null)
    .option('--output-file <file>', 'append the result to this JSONL file', orNull, null)
    .option('--output-details', 'with the figures of each request', false)
    .option('--disable-stream', 'ask for whole replies', false)
    .option('--return-logprob', 'ask for log-probabilities', false)
    .option('--seed <n>', 'of the workload', count, 1)
    .option('--disable-ignore-eos', 'let requests end at an end-of-sequence token', false)
    .option('--extra-request-body <json>', 'members to add to every request', jsonObject, {})
    .option('--tokenize-prompt', 'send token ids where there is text', false)
    .option('--warmup-requests <n>', 'requests before the measurement', count, 1)
    .option('--flush-cache', 'empty the cache before the measurement', false)
    .option('--header <name=value...>', 'HTTP headers to add', header, {})
    .option('--tag <text>', 'to tell results apart', orNull, null);
  command.parse(argv, { from: 'user' });
  return command.opts<Options>();
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number of at least 0.');
}

function ratio(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be between 0 and 1.');
}

function rate(text: string): number {
  const value = text === 'inf' ? Infinity : Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a positive number or inf.');
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidArgumentError('It must be a JSON object.');
}

function header(text: string, previous: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must have the form name=value.');
  return { ...previous, [text.slice(0, at).trim()]: text.slice(at + 1).trim() };
}
