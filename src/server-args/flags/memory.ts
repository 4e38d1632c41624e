import { DEVICES } from '../../model-runner/backends/devices';
import { EVICTION_POLICIES, type EvictionPolicy } from '../../scheduler/kv/eviction-policy';
import { choice, float, flag, int, reject, str, topic, warn, yes } from '../flag';

const HYBRID_MODELS_ONLY = warn('no model with a second kind of cache is supported');

export const memoryTopic = topic('Device and memory', yes, {
  device: choice(
    DEVICES,
    null,
    'Where the model runs: cpu, webgpu (a GPU of any make, by Vulkan, Direct3D 12 or Metal), cuda. Without it the cpu; a GPU is used only when asked for.',
  ),
  baseGpuId: int(0, 'Ordinal of the GPU with --device cuda.', { range: { min: 0 } }),
  gpuIdStep: int(1, 'Distance between the GPUs of --dp-size copies.', { range: { min: 0 } }),
  memFractionStatic: float(
    null,
    'Share of the free memory for weights and KV cache. Without it 0.5 on cpu and webgpu; on cuda by the memory of the device, or 0.88 when that is unknown.',
    { range: { above: 0, below: 1 } },
  ),
  maxTotalTokens: int(null, 'Tokens the KV cache holds at most. Without it as many as the memory allows.', {
    range: { min: 1 },
  }),
  pageSize: int(
    null,
    'Tokens in a page of the KV cache: prefixes are shared in whole pages. Without it 1, and 256 on cuda, where it is a power of two of at least 16: with fewer than 256 tokens (heads of up to 64 elements), 128 (up to 128) or 64 (larger ones) attention takes slower kernels.',
    { range: { min: 1 } },
  ),
  hybridKvcacheRatio: flag('Deprecated.', { support: HYBRID_MODELS_ONLY }),
  swaFullTokensRatio: float(0.8, 'Share of sliding-window tokens in the cache.', {
    support: HYBRID_MODELS_ONLY,
  }),
  disableHybridSwaMemory: flag('Use one cache for all layers of a sliding-window model.', {
    support: warn('all layers always use one cache'),
  }),
  enableMemorySaver: flag('Let the memory of the model be released and taken again.', {
    support: warn('memory is not released while serving'),
  }),
  enableWeightsCpuBackup: flag('Keep a copy of the weights in host memory while released.', {
    support: warn('memory is not released while serving'),
  }),
  enableDraftWeightsCpuBackup: flag('The same for the weights of a draft model.', {
    support: warn('memory is not released while serving'),
  }),
  maxMambaCacheSize: int(null, 'States the Mamba cache holds at most.', { support: HYBRID_MODELS_ONLY }),
  mambaSsmDtype: str(null, 'Number type of Mamba states.', { support: HYBRID_MODELS_ONLY }),
  mambaFullMemoryRatio: float(0.9, 'Memory of Mamba states against that of the KV cache.', {
    support: HYBRID_MODELS_ONLY,
  }),
  mambaSchedulerStrategy: str('auto', 'How Mamba states are scheduled.', { support: HYBRID_MODELS_ONLY }),
  mambaTrackInterval: int(256, 'Tokens between stored Mamba states.', { support: HYBRID_MODELS_ONLY }),
  mambaBackend: str('triton', 'Kernels of Mamba layers.', { support: HYBRID_MODELS_ONLY }),
  cpuOffloadGb: int(0, 'Gigabytes of weights kept in host memory.', {
    support: warn('weights are not moved between memories'),
  }),
  offloadGroupSize: int(-1, 'Layers in an offload group.', {
    support: warn('weights are not moved between memories'),
  }),
  offloadNumInGroup: int(1, 'Layers of a group that are offloaded.', {
    support: warn('weights are not moved between memories'),
  }),
  offloadPrefetchStep: int(1, 'Layers fetched ahead.', {
    support: warn('weights are not moved between memories'),
  }),
  offloadMode: str('cpu', 'Where offloaded weights are kept.', {
    support: warn('weights are not moved between memories'),
  }),
});

const NO_HOST_TIER = warn('the prefix cache has one tier');

export const cacheTopic = topic('Prefix cache', yes, {
  disableRadixCache: flag('Share no prefixes between requests.'),
  radixEvictionPolicy: choice(
    Object.keys(EVICTION_POLICIES) as EvictionPolicy[],
    'lru',
    'Which cached prefix goes first: the least recently or the least often used.',
  ),
  enableHierarchicalCache: flag('A second tier of the prefix cache in host memory.', {
    support: reject('the prefix cache has one tier'),
  }),
  hicacheRatio: float(2.0, 'Size of the host tier against that of the device.', { support: NO_HOST_TIER }),
  hicacheSize: int(0, 'Size of the host tier in gigabytes.', { support: NO_HOST_TIER }),
  hicacheWritePolicy: choice(
    ['write_back', 'write_through', 'write_through_selective'],
    'write_through',
    'When the host tier is written.',
    { support: NO_HOST_TIER },
  ),
  hicacheIoBackend: choice(['direct', 'kernel', 'kernel_ascend'], 'kernel', 'How tiers are copied.', {
    support: NO_HOST_TIER,
  }),
  hicacheMemLayout: choice(
    ['layer_first', 'page_first', 'page_first_direct', 'page_first_kv_split', 'page_head'],
    'layer_first',
    'Memory layout of the host tier.',
    { support: NO_HOST_TIER },
  ),
  disableHicacheNumaDetect: flag('Ignore NUMA for the host tier.', { support: NO_HOST_TIER }),
  hicacheStorageBackend: choice(
    ['file', 'mooncake', 'hf3fs', 'nixl', 'aibrix', 'dynamic', 'eic'],
    null,
    'A third tier of the prefix cache.',
    { support: reject('the prefix cache has one tier') },
  ),
  hicacheStoragePrefetchPolicy: choice(
    ['best_effort', 'wait_complete', 'timeout'],
    'best_effort',
    'How long a prefetch from the third tier may take.',
    { support: NO_HOST_TIER },
  ),
  hicacheStorageBackendExtraConfig: str(null, 'Options of the third tier.', { support: NO_HOST_TIER }),
  enableLmcache: flag('Use LMCache as prefix cache.', { support: warn('the prefix cache is built in') }),
  enablePrefixMmCache: flag('Cache the embeddings of images.', { support: warn('only text is supported') }),
  hierarchicalSparseAttentionExtraConfig: str(null, 'Options of sparse attention over cache tiers.', {
    support: NO_HOST_TIER,
  }),
  kvEventsConfig: str(null, 'Publish events of the cache.', {
    support: warn('events of the cache are not published'),
  }),
});
