import { env } from '../core/env';
import { bug, UsageError } from '../core/errors';
import { argumentError } from './convert';
import * as derive from './derive';
import type { Machine } from './machine';
import type { ParsedFlags } from './parse';
import type { ServerArgs } from './server-args';
import { checkMetricFlags } from './metric-flags';
import { checkSupport } from './support';
import { flagOf, type FlagValues } from './table';

export interface ResolvedServerArgs {
  /** Frozen through and through. */
  readonly args: ServerArgs;
  /** For the log, level warning: flags without effect. */
  readonly warnings: readonly string[];
  /** For the log, level info. */
  readonly infos: readonly string[];
}

/** Passes that the recorder of expert distributions keeps one by one. */
const EXPERT_PASSES = 1000;

/** Tokens of a page that attention on CUDA takes at least. */
const SMALLEST_GPU_PAGE = 16;

/** Seconds of the soft watchdog where SGLANG_IS_IN_CI is set. */
const CI_SOFT_WATCHDOG_S = 300;

/**
 * Turns the flags as given into the arguments the server runs with. Pure: the machine is an argument.
 * @throws UsageError for flags that are refused or contradict each other
 */
export function resolveServerArgs(flags: ParsedFlags, machine: Machine): ResolvedServerArgs {
  const warnings = [...checkSupport(flags), ...warnOfExpertMode(flags.values)];
  const { values } = flags;
  checkServedModelName(values);
  checkMetricFlags(values);
  checkQuantization(values);

  const modelPath = values.modelPath ?? machine.bundledModelPath;
  const facts: derive.DeviceFacts =
    values.device === 'cuda'
      ? { device: 'cuda', memoryMiB: machine.cudaMemoryMiB }
      : { device: values.device ?? 'cpu' };
  const pageSize = resolvePageSize(values, facts);
  const chunkedPrefillSize = resolveChunkedPrefillSize(values, facts, pageSize);
  const { cudaGraphMaxBs, cudaGraphBs } = resolveCudaGraphs(values, facts);
  const inCi = env('SGLANG_IS_IN_CI', machine.env);
  const setsSoftWatchdog = values.softWatchdogTimeout === null && inCi;

  const args: ServerArgs = {
    ...values,
    given: [...flags.given],
    modelPath,
    tokenizerPath: values.tokenizerPath ?? modelPath,
    servedModelName: values.servedModelName ?? modelPath,
    loadFormat: supportedLoadFormat(values.loadFormat),
    loadBalanceMethod: supportedBalance(values.loadBalanceMethod),
    device: facts.device,
    pageSize,
    chunkedPrefillSize,
    cudaGraphBs,
    cudaGraphMaxBs,
    memFractionStatic:
      values.memFractionStatic ??
      derive.defaultMemFractionStatic(
        facts,
        chunkedPrefillSize === -1 ? values.maxPrefillTokens : chunkedPrefillSize,
        cudaGraphMaxBs,
      ),
    ...resolvePolicy(values),
    ...resolveExpertRecorder(values),
    speculativeNumDraftTokens: resolveDraftTokens(values),
    randomSeed: values.randomSeed ?? machine.drawnSeed,
    softWatchdogTimeout: setsSoftWatchdog ? CI_SOFT_WATCHDOG_S : values.softWatchdogTimeout,
  };
  const infos = setsSoftWatchdog ? ['Set soft_watchdog_timeout since in CI'] : [];
  return { args: deepFreeze(args), warnings, infos };
}

function checkServedModelName({ servedModelName }: FlagValues): void {
  if (servedModelName?.includes(':')) {
    throw argumentError(flagOf('servedModelName'), `must not contain a colon, got '${servedModelName}'`);
  }
}

function checkQuantization({ quantization, torchaoConfig }: FlagValues): void {
  if (quantization !== null && torchaoConfig !== '') {
    throw new UsageError(
      '--quantization and --torchao-config both say what weights are quantized to: give one of them',
    );
  }
}

function supportedLoadFormat(format: FlagValues['loadFormat']): ServerArgs['loadFormat'] {
  switch (format) {
    case 'auto':
    case 'safetensors':
    case 'gguf':
    case 'dummy':
      return format;
    default:
      throw bug(`load format ${format} was not refused`);
  }
}

function supportedBalance(method: FlagValues['loadBalanceMethod']): ServerArgs['loadBalanceMethod'] {
  if (method !== 'follow_bootstrap_room') return method;
  throw argumentError(
    flagOf('loadBalanceMethod'),
    'follow_bootstrap_room concerns disaggregation, which is not supported',
  );
}

/** Attention on CUDA takes powers of two only. */
function resolvePageSize({ pageSize }: FlagValues, facts: derive.DeviceFacts): number {
  if (pageSize === null) return derive.defaultPageSize(facts);
  const isPower = Number.isInteger(Math.log2(pageSize));
  if (facts.device === 'cuda' && (pageSize < SMALLEST_GPU_PAGE || !isPower)) {
    throw argumentError(
      flagOf('pageSize'),
      `must be a power of two of at least ${SMALLEST_GPU_PAGE} with --device cuda, got ${pageSize}`,
    );
  }
  return pageSize;
}

function resolveChunkedPrefillSize(values: FlagValues, facts: derive.DeviceFacts, pageSize: number): number {
  const size = values.chunkedPrefillSize;
  if (size === null) return derive.defaultChunkedPrefillSize(facts, pageSize);
  if (size !== -1 && size % pageSize !== 0) {
    throw argumentError(
      flagOf('chunkedPrefillSize'),
      `must be a multiple of --page-size (${pageSize}), got ${size}`,
    );
  }
  return size;
}

/** `priority` is no order of its own: it is fcfs among requests of the same priority. */
function resolvePolicy(values: FlagValues): Pick<ServerArgs, 'schedulePolicy' | 'enablePriorityScheduling'> {
  const policy = values.schedulePolicy;
  if (policy === 'priority') return { schedulePolicy: 'fcfs', enablePriorityScheduling: true };
  const enablePriorityScheduling = values.enablePriorityScheduling;
  if (enablePriorityScheduling && policy !== 'fcfs' && policy !== 'lof') {
    throw new UsageError(
      `To use priority scheduling, schedule_policy must be 'fcfs' or 'lof'. '${policy}' is not supported.`,
    );
  }
  return { schedulePolicy: policy, enablePriorityScheduling };
}

function warnOfExpertMode({ expertDistributionRecorderMode: mode }: FlagValues): string[] {
  if (mode !== 'stat_approx') return [];
  return ['--expert-distribution-recorder-mode stat_approx: the counts are exact, as with stat.'];
}

/** Metrics need a recorder, and passes are kept up to a number. */
function resolveExpertRecorder(
  values: FlagValues,
): Pick<FlagValues, 'expertDistributionRecorderMode' | 'expertDistributionRecorderBufferSize'> {
  const { expertDistributionRecorderMode, expertDistributionRecorderBufferSize: size } = values;
  const mode = expertDistributionRecorderMode ?? (values.enableExpertDistributionMetrics ? 'stat' : null);
  return {
    expertDistributionRecorderMode: mode,
    expertDistributionRecorderBufferSize: size ?? (mode === null ? null : EXPERT_PASSES),
  };
}

function resolveDraftTokens(values: FlagValues): number | null {
  const {
    speculativeAlgorithm: algorithm,
    speculativeNgramMinMatchWindowSize: min,
    speculativeNgramMaxMatchWindowSize: max,
    speculativeNumDraftTokens: tokens,
  } = values;
  if (algorithm === null) return tokens;
  if (min > max) {
    throw argumentError(
      flagOf('speculativeNgramMinMatchWindowSize'),
      `must not be above --speculative-ngram-max-match-window-size (${max}), got ${min}`,
    );
  }
  return tokens ?? Math.max(max, 2);
}

function resolveCudaGraphs(
  values: FlagValues,
  facts: derive.DeviceFacts,
): { cudaGraphMaxBs: number; cudaGraphBs: readonly number[] } {
  const listed = values.cudaGraphBs && [...new Set(values.cudaGraphBs)].sort((a, b) => a - b);
  const cudaGraphMaxBs = values.cudaGraphMaxBs ?? listed?.at(-1) ?? derive.defaultCudaGraphMaxBs(facts);
  if (values.disableCudaGraph) return { cudaGraphMaxBs, cudaGraphBs: [] };

  const sizes =
    listed?.filter((size) => size <= cudaGraphMaxBs) ??
    derive.defaultCudaGraphBs(cudaGraphMaxBs, values.disableCudaGraphPadding);
  if (sizes.length === 0) {
    throw argumentError(flagOf('cudaGraphBs'), `no size is within --cuda-graph-max-bs (${cudaGraphMaxBs})`);
  }
  return { cudaGraphMaxBs, cudaGraphBs: derive.limitToRunningRequests(sizes, values.maxRunningRequests) };
}

/** Freezes a tree of plain objects and arrays in place. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
