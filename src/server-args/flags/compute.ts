import { choice, flag, int, ints, later, reject, str, topic, warn, yes } from '../flag';

/** What --torchao-config can be. */
const TORCHAO_CONFIGS = ['int8dq', 'int4wo-32', 'int4wo-64', 'int4wo-128', 'int4wo-256'];

const ATTENTION_BACKENDS = [
  'triton',
  'torch_native',
  'flex_attention',
  'nsa',
  'cutlass_mla',
  'fa3',
  'fa4',
  'flashinfer',
  'flashmla',
  'trtllm_mla',
  'trtllm_mha',
  'dual_chunk_flash_attn',
  'aiter',
  'wave',
  'intel_amx',
  'ascend',
  'intel_xpu',
] as const;

export const capturedTopic = topic('Captured batch sizes', yes, {
  disableCudaGraph: flag('Capture no batch sizes at start.'),
  cudaGraphMaxBs: int(
    null,
    'Largest captured batch. Without it 8 on cpu and webgpu; on cuda by the memory of the device.',
    { range: { min: 1, max: 65536 } },
  ),
  cudaGraphBs: ints(
    '+',
    'The captured batch sizes. Without it 1, 2, 4, 8, 12 and then wider steps up to --cuda-graph-max-bs, none above --max-running-requests.',
    { range: { min: 1, max: 65536 } },
  ),
  disableCudaGraphPadding: flag(
    'Pad no batch to a captured size: without --cuda-graph-bs every size from 1 on is captured.',
  ),
  enableProfileCudaGraph: flag('Profile the capture.', { support: warn('the capture is not profiled') }),
  enableCudagraphGc: flag('Collect garbage during the capture.', {
    support: warn('it concerns the garbage collector of Python'),
  }),
  enablePiecewiseCudaGraph: flag('Capture prefills piece by piece.', {
    support: warn('prefills are not captured'),
  }),
  piecewiseCudaGraphTokens: ints('+', 'Captured lengths of prefills.', {
    support: warn('prefills are not captured'),
  }),
  piecewiseCudaGraphCompiler: choice(['eager', 'inductor'], 'eager', 'Compiler of the pieces.', {
    support: warn('prefills are not captured'),
  }),
  piecewiseCudaGraphMaxTokens: int(null, 'Longest captured prefill.', {
    support: warn('prefills are not captured'),
  }),
});

/** Names of kernels are not checked where SGLang's own list of them changes with every release. */
export const kernelTopic = topic('Kernels', warn('ONNX Runtime chooses the kernels'), {
  attentionBackend: choice(ATTENTION_BACKENDS, null, 'Kernels of attention.'),
  prefillAttentionBackend: choice(ATTENTION_BACKENDS, null, 'Kernels of attention over prompts.'),
  decodeAttentionBackend: choice(ATTENTION_BACKENDS, null, 'Kernels of attention while decoding.'),
  samplingBackend: choice(['flashinfer', 'pytorch', 'ascend'], null, 'Kernels of the sampler.', {
    support: warn('there is one sampler'),
  }),
  mmAttentionBackend: choice(
    ['sdpa', 'fa3', 'fa4', 'triton_attn', 'ascend_attn', 'aiter_attn'],
    null,
    'Kernels of attention over images.',
  ),
  nsaPrefillBackend: str(null, 'Kernels of sparse attention over prompts.'),
  nsaDecodeBackend: str(null, 'Kernels of sparse attention while decoding.'),
  fp8GemmBackend: str('auto', 'Kernels of FP8 matrix products.'),
  fp4GemmBackend: str('flashinfer_cutlass', 'Kernels of FP4 matrix products.'),
  enableFp32LmHead: flag('Compute logits in float32.', {
    support: warn('logits come in the type of the computation, which is float32 on cpu'),
  }),
  enableFlashinferAllreduceFusion: flag('Fuse the all-reduce of ranks.'),
  enableFusedQkNormRope: flag('Fuse norm and rotation of queries and keys.'),
  disableFlashinferAutotune: flag('Do not tune kernels at start.'),
  flashinferMlaDisableRagged: flag('No ragged prefill kernel.'),
  disableChunkedPrefixCache: flag('No chunks over long cached prefixes.'),
  tritonAttentionReduceInFp32: flag('Reduce attention in float32.'),
  tritonAttentionNumKvSplits: int(8, 'Splits of the KV cache.'),
  tritonAttentionSplitTileSize: int(null, 'Tile of a split.'),
  enableTorchCompile: flag('Compile the model with PyTorch.'),
  enableTorchCompileDebugMode: flag('Debug that compilation.'),
  torchCompileMaxBs: int(32, 'Largest batch compiled.'),
  torchaoConfig: str(
    '',
    "What weights are quantized to when they are loaded, by torchao's names: int8dq is --quantization w8a8_int8; int4wo-32, " +
      'int4wo-64, int4wo-128 and int4wo-256 are 4 bits with a scale for so many inputs.',
    { support: reject(`use one of ${TORCHAO_CONFIGS.join(', ')}`, ['', ...TORCHAO_CONFIGS]) },
  ),
  weightLoaderDisableMmap: flag('Read weights without mapping files.', {
    support: warn('there is one way to read weights'),
  }),
  enableDoubleSparsity: flag('Attend to a part of the tokens.', {
    support: reject('attention always sees all tokens'),
  }),
  dsChannelConfigPath: str(null, 'Channels of sparse attention.'),
  dsHeavyChannelNum: int(32, 'Heavy channels of sparse attention.'),
  dsHeavyTokenNum: int(256, 'Heavy tokens of sparse attention.'),
  dsHeavyChannelType: str('qk', 'Which channels count as heavy.'),
  dsSparseDecodeThreshold: int(4096, 'Length from which attention is sparse.'),
  enableNanDetection: flag(
    'Look for NaN in logits. The server always does: a request that meets one ends with "NaN happened", and the log says so.',
    { support: yes },
  ),
  enableLayerwiseNvtxMarker: flag('Mark layers for the NVIDIA profiler.', {
    support: warn('layers are not marked'),
  }),
  numaNode: ints('+', 'NUMA node of each rank.', { support: warn('processes are not pinned') }),
  enablePdmux: flag('Run prefill and decode side by side on one GPU.', {
    support: warn('prefill and decode take turns'),
  }),
  pdmuxConfigPath: str(null, 'Options of that.', { support: warn('prefill and decode take turns') }),
  smGroupNum: int(8, 'Groups of multiprocessors.', { support: warn('prefill and decode take turns') }),
});

export const debugTopic = topic('Debugging tensors', reject('tensors are not dumped'), {
  debugTensorDumpOutputFolder: str(null, 'Folder of dumped tensors.'),
  debugTensorDumpLayers: ints('+', 'Layers whose tensors are dumped.'),
  debugTensorDumpInputFile: str(null, 'Tensors to start from.'),
  debugTensorDumpInject: str(false, 'Feed those tensors into the layers.'),
});

const KTRANSFORMERS = warn('experts are computed by ONNX Runtime');

export const heterogeneousTopic = topic('Experts on the CPU', KTRANSFORMERS, {
  ktWeightPath: str(null, 'Weights of experts on the CPU.', {
    support: reject('weights come from the checkpoint'),
  }),
  ktMethod: str(null, 'Number type of experts on the CPU.', {
    support: reject('weights come from the checkpoint'),
  }),
  ktCpuinfer: int(null, 'Threads of experts on the CPU.'),
  ktThreadpoolCount: int(null, 'Thread pools of experts on the CPU.'),
  ktNumGpuExperts: int(null, 'Experts on the GPU.'),
  ktMaxDeferredExpertsPerToken: int(null, 'Experts computed a step late.'),
});

export const modeloptTopic = topic('ModelOpt', later('quantization'), {
  modeloptQuant: str(null, 'Recipe of ModelOpt.'),
  modeloptCheckpointRestorePath: str(null, 'State of ModelOpt to restore.'),
  modeloptCheckpointSavePath: str(null, 'Where the state of ModelOpt is saved.'),
  modeloptExportPath: str(null, 'Where the quantized checkpoint is written.'),
});

export const diffusionTopic = topic(
  'Diffusion models',
  reject('diffusion language models are not supported'),
  {
    dllmAlgorithm: str(null, 'How tokens are unmasked.'),
    dllmAlgorithmConfig: str(null, 'Options of that.'),
  },
);
