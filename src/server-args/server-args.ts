/**
 * The flags once resolved: frozen, computed once in the launcher, handed to every process. Field names are SGLang's
 * argument names in camelCase; `/server_info` turns them back into snake_case.
 */
export interface ServerArgs {
  // Model
  readonly modelPath: string;
  readonly tokenizerPath: string;
  readonly skipTokenizerInit: boolean;
  readonly loadFormat: 'auto' | 'safetensors' | 'dummy';
  readonly contextLength: number | null;
  readonly revision: string | null;
  readonly downloadDir: string | null;
  readonly jsonModelOverrideArgs: Readonly<Record<string, unknown>>;
  readonly servedModelName: string;
  readonly weightVersion: string;
  /** Serve vectors in place of text. */
  readonly isEmbedding: boolean;
  readonly dtype: 'auto' | 'half' | 'float16' | 'bfloat16' | 'float' | 'float32';

  // Device and memory
  readonly device: 'cpu' | 'cuda';
  readonly baseGpuId: number;
  /** Share of the free memory for weights and KV cache, (0, 1). Resolved: never null. */
  readonly memFractionStatic: number;
  readonly maxTotalTokens: number | null;
  readonly pageSize: number;

  // Scheduler
  readonly maxRunningRequests: number | null;
  readonly maxQueuedRequests: number | null;
  /** Tokens of one prefill chunk; -1 is off. Resolved: never null. */
  readonly chunkedPrefillSize: number;
  readonly maxPrefillTokens: number;
  readonly prefillMaxRequests: number | null;
  readonly schedulePolicy: 'fcfs' | 'lpm' | 'lof' | 'random' | 'dfs-weight' | 'routing-key';
  readonly scheduleConservativeness: number;
  readonly enablePriorityScheduling: boolean;
  readonly abortOnPriorityWhenDisabled: boolean;
  readonly scheduleLowPriorityValuesFirst: boolean;
  readonly prioritySchedulingPreemptionThreshold: number;
  readonly disableRadixCache: boolean;
  readonly radixEvictionPolicy: 'lru' | 'lfu';
  readonly disableOverlapSchedule: boolean;
  readonly streamInterval: number;
  readonly randomSeed: number;
  readonly watchdogTimeout: number;
  readonly softWatchdogTimeout: number | null;
  readonly decodeLogInterval: number;

  // Captured batch sizes
  readonly disableCudaGraph: boolean;
  /** Batch sizes captured at start, ascending. Resolved: never null. */
  readonly cudaGraphBs: readonly number[];

  // HTTP
  readonly host: string;
  readonly port: number;
  readonly fastapiRootPath: string;
  readonly apiKey: string | null;
  readonly adminApiKey: string | null;
  readonly skipServerWarmup: boolean;
  readonly allowAutoTruncate: boolean;
  readonly streamOutput: boolean;
  readonly preferredSamplingParams: Readonly<Record<string, unknown>> | null;

  // Logs
  readonly logLevel: 'debug' | 'info' | 'warning' | 'error' | 'critical';
  readonly logLevelHttp: 'debug' | 'info' | 'warning' | 'error' | 'critical' | null;
  readonly logRequests: boolean;
  readonly logRequestsLevel: 0 | 1 | 2 | 3;
  readonly logRequestsFormat: 'text' | 'json';
  /** `stdout` or folders; null: the runtime log. */
  readonly logRequestsTarget: readonly string[] | null;
  readonly crashDumpFolder: string | null;
  readonly uvicornAccessLogExcludePrefixes: readonly string[];

  /** Values of the remaining flags that were accepted, under their camelCase names; reported, without effect. */
  readonly accepted: Readonly<Record<string, unknown>>;
}
