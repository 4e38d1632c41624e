/** Defaults that depend on the device and on other flags: pure arithmetic, one function a value. */

/** Default prefill chunk and largest captured batch by the memory of a GPU. */
const GPU_SIZES: readonly { readonly belowMiB: number; readonly chunk: number; readonly maxBs: number }[] = [
  { belowMiB: 20_480, chunk: 2048, maxBs: 8 },
  { belowMiB: 35_840, chunk: 2048, maxBs: 24 },
  { belowMiB: 61_440, chunk: 4096, maxBs: 32 },
  { belowMiB: 163_840, chunk: 8192, maxBs: 256 },
  { belowMiB: Infinity, chunk: 16_384, maxBs: 512 },
];
/** A device of which nothing is known, and which may be small. */
const WEBGPU = { chunk: 2048, maxBs: 8 };
const UNKNOWN_GPU = { chunk: 4096, maxBs: 160 };

/** On the cpu: small chunks, so that decode steps run between them, and few sizes. */
const CPU = { chunk: 256, maxBs: 8 };

const CPU_MEM_FRACTION = 0.5;
const WEBGPU_MEM_FRACTION = 0.5;
const UNKNOWN_GPU_MEM_FRACTION = 0.88;
/** For GPUs smaller than what would be reserved; a model that does not fit is reported when it is loaded. */
const SMALLEST_MEM_FRACTION = 0.1;

/** Where the model runs; a GPU of unknown memory has `memoryMiB` null. */
export type DeviceFacts =
  | { readonly device: 'cpu' }
  | { readonly device: 'webgpu' }
  | { readonly device: 'cuda'; readonly memoryMiB: number | null };

function defaultSizes(facts: DeviceFacts): { readonly chunk: number; readonly maxBs: number } {
  if (facts.device === 'cpu') return CPU;
  if (facts.device === 'webgpu') return WEBGPU;
  const memory = facts.memoryMiB;
  if (memory === null) return UNKNOWN_GPU;
  return GPU_SIZES.find(({ belowMiB }) => memory < belowMiB) ?? UNKNOWN_GPU;
}

/** On a GPU the fast kernels of attention want pages of so many tokens, or a part of that for large heads. */
const GPU_PAGE = 256;

/** Tokens of a page of the KV cache. */
export function defaultPageSize({ device }: DeviceFacts): number {
  return device === 'cuda' ? GPU_PAGE : 1;
}

/** The default prefill chunk in tokens: a multiple of the page size, at least one page. */
export function defaultChunkedPrefillSize(facts: DeviceFacts, pageSize: number): number {
  const { chunk } = defaultSizes(facts);
  return Math.max(chunk - (chunk % pageSize), pageSize);
}

export function defaultCudaGraphMaxBs(facts: DeviceFacts): number {
  return defaultSizes(facts).maxBs;
}

function range(first: number, last: number, step: number): number[] {
  return Array.from(
    { length: Math.max(0, Math.floor((last - first) / step) + 1) },
    (_, i) => first + i * step,
  );
}

/** The batch sizes up to `max` that are captured when none are listed; every size when none may be padded. */
export function defaultCudaGraphBs(max: number, disablePadding: boolean): number[] {
  if (disablePadding) return range(1, max, 1);
  const sizes = [1, 2, 4, 8, 12, ...range(16, 256, 8), ...range(272, 511, 16), ...range(512, max, 32)];
  return sizes.filter((size) => size <= max);
}

/** Drops sizes that no batch can have; the largest batch itself is then the last size. */
export function limitToRunningRequests(
  sizes: readonly number[],
  maxRunningRequests: number | null,
): number[] {
  if (maxRunningRequests === null) return [...sizes];
  const possible = sizes.filter((size) => size <= maxRunningRequests);
  const dropped = possible.length < sizes.length;
  return dropped && !possible.includes(maxRunningRequests) ? [...possible, maxRunningRequests] : possible;
}

/**
 * The share of memory left for weights and KV cache once activations and captured batches have their part.
 * @param activationTokens tokens of the largest prefill
 */
export function defaultMemFractionStatic(
  facts: DeviceFacts,
  activationTokens: number,
  cudaGraphMaxBs: number,
): number {
  if (facts.device === 'cpu') return CPU_MEM_FRACTION;
  if (facts.device === 'webgpu') return WEBGPU_MEM_FRACTION;
  const memory = facts.memoryMiB;
  if (memory === null) return UNKNOWN_GPU_MEM_FRACTION;
  const perDevice = 512 + 1024 / 8;
  const needed = perDevice + 1.5 * Math.max(activationTokens, 2048) + 2 * cudaGraphMaxBs;
  const reserved = memory > 61_440 ? Math.max(needed, 10_240) : needed;
  return Math.max(Math.round(((memory - reserved) / memory) * 1000) / 1000, SMALLEST_MEM_FRACTION);
}
