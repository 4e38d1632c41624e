import { UsageError } from './errors';

/**
 * Every environment variable that this server reads as a setting: what it is called, what it may be, and what it does.
 * docs/flags.md is generated from this table. Variables that belong to others (HF_HOME, TMPDIR …) are read where they are
 * needed.
 */
export interface Variable<T> {
  readonly default: T;
  /** What a value must be, in words. */
  readonly form: string;
  /** One sentence for docs/flags.md. */
  readonly help: string;
  /** @returns undefined when the text is no such value */
  parse(text: string): T | undefined;
}

/** Bounds of a number, inclusive but for `above`. */
interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

/** SGLang's reading of switches, in any case. */
const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'y'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'n'].map((word) => [word, false] as const),
]);

function flag(fallback: boolean, help: string): Variable<boolean> {
  return {
    default: fallback,
    form: 'true, 1, yes or y, or false, 0, no or n',
    help,
    parse: (text) => SWITCHES.get(text.toLowerCase()),
  };
}

function number(fallback: number, help: string, bounds: Bounds): Variable<number> {
  return {
    default: fallback,
    form: `a number${describe(bounds)}`,
    help,
    parse: (text) => within(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN, bounds),
  };
}

function integer(fallback: number, help: string, bounds: Bounds): Variable<number> {
  return {
    default: fallback,
    form: `a whole number${describe(bounds)}`,
    help,
    parse: (text) => within(/^[+-]?\d{1,15}$/.test(text) ? Number(text) : NaN, bounds),
  };
}

/** Any text. */
function text(fallback: string, help: string): Variable<string> {
  return { default: fallback, form: 'a text', help, parse: (value) => value };
}

/** Words with commas between them. */
function words(help: string): Variable<readonly string[]> {
  const parse = (text: string) =>
    text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  return { default: [], form: 'words with commas between them', help, parse };
}

function within(value: number, { min = -Infinity, max = Infinity, above = -Infinity }: Bounds) {
  return value >= min && value <= max && value > above && Number.isFinite(value) ? value : undefined;
}

function describe({ min, max, above }: Bounds): string {
  const parts = [
    ...(above === undefined ? [] : [` above ${above}`]),
    ...(min === undefined ? [] : [` of at least ${min}`]),
    ...(max === undefined ? [] : [` and at most ${max}`]),
  ];
  return parts.join('').replace(/^ and at most/, ' of at most');
}

/** Seconds of which SGLang writes "no limit" as -1. */
const LIMIT = { min: -1 };

export const VARIABLES = {
  SGLANG_LOG_MS: flag(false, 'Milliseconds in the time stamps of the log.'),
  SGLANG_LOG_REQUEST_EXCEEDED_MS: number(
    -1,
    'Requests that ended faster have no line in the request log when they end; all have one up to 0.',
    LIMIT,
  ),
  SGLANG_LOG_REQUEST_HEADERS: words('Headers that the request log shows besides x-smg-routing-key.'),
  SGLANG_LOG_SCHEDULER_STATUS_TARGET: words(
    'Where the scheduler says which requests run and wait: stdout, or folders.',
  ),
  SGLANG_LOG_SCHEDULER_STATUS_INTERVAL: number(60, 'Least seconds between two such lines.', { min: 0 }),
  SGLANG_IS_IN_CI: flag(
    false,
    'Watch for stuck processes for 300 s where --soft-watchdog-timeout is not set.',
  ),
  SGLANG_WARMUP_TIMEOUT: number(-1, 'Seconds that the warm-up request may take; 600 up to 0.', LIMIT),
  SGLANG_DRAIN_TIMEOUT: number(-1, 'Seconds in place of --drain-timeout; below 0 that counts.', { min: -1 }),
  SGLANG_FORCE_SHUTDOWN: flag(false, 'Stop without waiting for running requests.'),
  SGL_FORCE_SHUTDOWN: flag(false, 'An older name of SGLANG_FORCE_SHUTDOWN.'),
  SGLANG_HEALTH_CHECK_TIMEOUT: number(
    20,
    'Seconds of silence of the scheduler after which /health answers 503.',
    {
      above: 0,
    },
  ),
  SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: flag(
    true,
    'Whether /health looks at the scheduler; off, it answers 200 while the server listens.',
  ),
  SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: flag(
    false,
    'Let --context-length exceed what the model was made for.',
  ),
  SGLANG_REQ_WAITING_TIMEOUT: number(
    -1,
    'Seconds a request may wait in the queue; without a limit up to 0.',
    LIMIT,
  ),
  SGLANG_REQ_RUNNING_TIMEOUT: number(-1, 'Seconds a request may run; without a limit up to 0.', LIMIT),
  SGLANG_INIT_NEW_TOKEN_RATIO: number(
    0.7,
    'Share of their remaining tokens that admission first keeps room for, times --schedule-conservativeness.',
    { min: 0, max: 1 },
  ),
  SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR: number(0.14, 'What that share decays to, as a factor.', {
    min: 0,
    max: 1,
  }),
  SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS: integer(600, 'Decode steps in which it does.', { min: 1 }),
  SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION: integer(
    4096,
    'Most future tokens of one request that admission keeps room for.',
    { min: 1 },
  ),
  SGLANG_RETRACT_DECODE_STEPS: integer(20, 'Decode steps that must fit after a retraction.', { min: 0 }),
  IN_BATCH_PREFIX_CACHING_CHECK_THRESHOLD: integer(
    32,
    'Requests with at most so many cached tokens are looked through for prefixes in common.',
    { min: -1 },
  ),
  IN_BATCH_PREFIX_CACHING_DEPRIORITIZE_THRESHOLD: integer(
    32,
    'With so many tokens in common with an earlier one, a request waits for it.',
    { min: 1 },
  ),
  SGLANG_RETURN_ORIGINAL_LOGPROB: flag(
    false,
    "Log-probabilities of output tokens are those of the model's own distribution.",
  ),
  SGLANG_TOOL_STRICT_LEVEL: integer(
    0,
    'What a grammar holds calls to where a request leaves the choice to the model: 0 tools marked strict, 1 the names of all tools, 2 their schemas.',
    { min: 0, max: 2 },
  ),
  SGLANG_FORWARD_UNKNOWN_TOOLS: flag(
    false,
    'Let models call tools that the request does not offer; without it such calls are text.',
  ),
  SGLANG_GRAMMAR_TIMEOUT: number(
    5,
    'Seconds that a grammar may take to compile; compiling it once more holds the scheduler up for about as long.',
    { above: 0 },
  ),
  SGLANG_DETOKENIZER_MAX_STATES: integer(65_536, 'Requests that can be decoded at a time.', { min: 1 }),
  SGLANG_CACHE_DIR: text(
    '~/.cache/sglang-node',
    'Folder where weights that were quantized at a start are kept for the next one.',
  ),
  SGLANG_TORCH_PROFILER_DIR: text('/tmp', 'Where /start_profile makes the folders of profiles.'),
  SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR: text(
    '/tmp',
    'Where /dump_expert_distribution_record writes its files; made where it is missing.',
  ),
  SGLANG_TRACE_LEVEL: integer(
    3,
    'How much of a request --enable-trace records: 0 nothing, 1 its stages, 2 what lies between them, 3 every step.',
    { min: 0 },
  ),
  SGLANG_OTLP_EXPORTER_SCHEDULE_DELAY_MILLIS: integer(
    500,
    'Milliseconds between two batches of spans, where the server starts the SDK.',
    { min: 1 },
  ),
  SGLANG_OTLP_EXPORTER_MAX_EXPORT_BATCH_SIZE: integer(64, 'Spans of one such batch.', { min: 1 }),
  SGLANG_USE_OWN_OPERATORS: flag(
    true,
    'Compute attention and the rounding to 8 bits with operators of sglang-node, where they were compiled for the machine.',
  ),
  SGLANG_TEST_RETRACT: flag(false, 'For tests: retract a request every few decode steps.'),
  SGLANG_TEST_RETRACT_INTERVAL: integer(3, 'For tests: the steps between two of these retractions.', {
    min: 1,
  }),
  SGLANG_TEST_SPECULATE: flag(
    false,
    'For tests: check every draft that can be made, whether it pays or not.',
  ),
  SGLANG_TEST_STUCK_TOKENIZER: number(
    0,
    'For tests: seconds for which the first request holds up the main process.',
    { min: 0 },
  ),
  SGLANG_TEST_STUCK_SCHEDULER_INIT: number(
    0,
    'For tests: seconds for which the scheduler is held up before it loads the model.',
    { min: 0 },
  ),
  SGLANG_TEST_STUCK_DETOKENIZER: number(
    0,
    'For tests: seconds that the detokenizer is stuck at its first output.',
    {
      min: 0,
    },
  ),
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

export type EnvName = keyof typeof VARIABLES;
export type EnvValue<K extends EnvName> = (typeof VARIABLES)[K]['default'];

/** Where variables are read from: `process.env`, or what stands for it in a test. */
export type EnvSource = Readonly<Record<string, string | undefined>>;

/**
 * The value of a variable; its default where it is not set or empty.
 * @throws UsageError naming the variable and what it must be
 */
export function env<K extends EnvName>(name: K, source: EnvSource = process.env): EnvValue<K> {
  const variable = VARIABLES[name] as Variable<EnvValue<K>>;
  const text = source[name]?.trim() ?? '';
  if (text === '') return variable.default;
  const value = variable.parse(text);
  if (value === undefined) {
    throw new UsageError(
      `environment variable ${name} must be ${variable.form}, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** Reads every variable once, so that a mistyped one ends the start and not a request. @throws UsageError as `env` */
export function checkEnv(source: EnvSource = process.env): void {
  for (const name of Object.keys(VARIABLES) as EnvName[]) env(name, source);
}
