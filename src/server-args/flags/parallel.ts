import { choice, flag, float, int, jsonList, reject, str, strs, topic, warn, yes } from '../flag';

const ONE_DEVICE = warn('the server runs on one device');
const ONLY_ONE = reject('only 1 is supported: the server runs on one device');

export const parallelTopic = topic('Parallelism', ONE_DEVICE, {
  tpSize: int(1, 'Devices that share each layer.', {
    names: ['--tensor-parallel-size', '--tp-size'],
    support: ONLY_ONE,
  }),
  ppSize: int(1, 'Devices that share the layers.', {
    names: ['--pipeline-parallel-size', '--pp-size'],
    support: ONLY_ONE,
  }),
  dpSize: int(
    1,
    'Copies of the model, each with a scheduler process and a prefix cache of its own. On cpu they share its threads and its memory; on cuda each has a GPU.',
    { names: ['--data-parallel-size', '--dp-size'], support: yes, range: { min: 1 } },
  ),
  epSize: int(1, 'Devices that share the experts.', {
    names: ['--expert-parallel-size', '--ep-size', '--ep'],
    support: ONLY_ONE,
  }),
  moeDpSize: int(1, 'Copies of the experts.', {
    names: ['--moe-data-parallel-size', '--moe-dp-size'],
    support: ONLY_ONE,
  }),
  attnCpSize: int(1, 'Devices that share a context.', {
    names: ['--attention-context-parallel-size', '--attn-cp-size'],
    support: ONLY_ONE,
  }),
  nnodes: int(1, 'Machines that share the model.', {
    support: reject('only 1 is supported: the server runs on one machine'),
  }),
  nodeRank: int(0, 'Rank of this machine.', {
    support: reject('only 0 is supported: the server runs on one machine'),
  }),
  distInitAddr: str(null, 'Address at which machines meet.', {
    names: ['--dist-init-addr', '--nccl-init-addr'],
  }),
  distTimeout: int(null, 'Seconds that collectives may take.'),
  ncclPort: int(null, 'Port of collectives.'),
  loadBalanceMethod: choice(
    ['auto', 'round_robin', 'follow_bootstrap_room', 'total_requests', 'total_tokens'],
    'auto',
    'How requests are spread over copies of the model. auto: where most of the prompt is cached, unless that copy has more to do by a request for each 64 cached tokens; the others look at requests or tokens in flight alone. follow_bootstrap_room is refused.',
    { support: yes },
  ),
  enableDpAttention: flag('Copies for attention, sharing for experts.'),
  enableDpLmHead: flag('Copies for the vocabulary projection.'),
  enableNcclNvls: flag('NVLink SHARP in collectives.'),
  enableMscclpp: flag('MSCCL++ in collectives.'),
  enableSymmMem: flag('Symmetric memory in collectives.'),
  enableTorchSymmMem: flag('Symmetric memory of PyTorch in collectives.'),
  enableP2pCheck: flag('Check the access of devices to each other.'),
  disableCustomAllReduce: flag('Use the all-reduce of NCCL.'),
  enableTwoBatchOverlap: flag('Overlap two batches.'),
  enableSingleBatchOverlap: flag('Overlap compute and communication of a batch.'),
  tboTokenDistributionThreshold: float(0.48, 'When two batches are overlapped.'),
  enableAttnTpInputScattered: flag('Scatter the input of attention.'),
  enableNsaPrefillContextParallel: flag('Share the context of sparse attention.'),
  nsaPrefillCpMode: str('round-robin-split', 'How that context is split.'),
});

export const expertTopic = topic('Expert parallelism', ONE_DEVICE, {
  moeA2aBackend: str('none', 'How tokens reach the devices of their experts.'),
  moeRunnerBackend: str('auto', 'Kernels of experts.'),
  flashinferMxfp4MoePrecision: choice(['default', 'bf16'], 'default', 'Precision of MXFP4 experts.'),
  moeDenseTpSize: int(null, 'Devices that share the dense layers of an expert model.'),
  disableFlashinferCutlassMoeFp4Allgather: flag('No FP4 in the all-gather of experts.'),
  disableSharedExpertsFusion: flag('Compute shared experts on their own.'),
  epNumRedundantExperts: int(0, 'Copies of busy experts.'),
  epDispatchAlgorithm: str(null, 'Which copy of an expert is chosen.'),
  initExpertLocation: str('trivial', 'Which device holds which expert at start.'),
  elasticEpBackend: choice(['none', 'mooncake'], null, 'How devices that fail are replaced.'),
  mooncakeIbDevice: str(null, 'InfiniBand devices.'),
  deepepMode: choice(['normal', 'low_latency', 'auto'], 'auto', 'Mode of DeepEP.'),
  deepepConfig: str(null, 'Options of DeepEP.'),
  enableEplb: flag('Move experts between devices by their load.'),
  eplbAlgorithm: str('auto', 'How experts are moved.'),
  eplbRebalanceNumIterations: int(1000, 'Steps between two moves.'),
  eplbRebalanceLayersPerChunk: int(null, 'Layers moved at a time.'),
  eplbMinRebalancingUtilizationThreshold: float(1.0, 'Use below which experts are moved.'),
});

export const disaggregationTopic = topic(
  'Disaggregation',
  reject('prefill and decode run in one server; disaggregation is not supported'),
  {
    disaggregationMode: choice(['null', 'prefill', 'decode'], 'null', 'Which half this server is.'),
    disaggregationTransferBackend: str('mooncake', 'How the KV cache travels.'),
    disaggregationBootstrapPort: int(8998, 'Port at which the halves meet.'),
    disaggregationDecodeTp: int(null, 'Devices of the decoding half that share each layer.'),
    disaggregationDecodeDp: int(null, 'Copies of the model in the decoding half.'),
    disaggregationPrefillPp: int(1, 'Devices of the prefilling half that share the layers.'),
    disaggregationIbDevice: str(null, 'InfiniBand devices.'),
    disaggregationDecodeEnableOffloadKvcache: flag('Keep the KV cache of the decoding half in host memory.'),
    disaggregationDecodePollingInterval: int(1, 'Steps between two looks at transfers.'),
    numReservedDecodeTokens: int(512, 'Tokens reserved in the decoding half.'),
  },
);

export const encoderTopic = topic('Image encoders', reject('only text is supported'), {
  encoderOnly: flag('Serve the image encoder alone.'),
  languageOnly: flag('Serve the language model of a multimodal model alone.'),
  encoderTransferBackend: str('zmq_to_scheduler', 'How embeddings of images travel.'),
  encoderUrls: strs('+', [], 'Servers of image encoders.'),
});

export const remoteWeightsTopic = topic(
  'Weights from another server',
  reject('weights come from the checkpoint'),
  {
    remoteInstanceWeightLoaderSeedInstanceIp: str(null, 'Address of the other server.'),
    remoteInstanceWeightLoaderSeedInstanceServicePort: int(null, 'Port of the other server.'),
    remoteInstanceWeightLoaderSendWeightsGroupPorts: jsonList('Ports of the transfer, a JSON list.'),
    remoteInstanceWeightLoaderBackend: choice(['transfer_engine', 'nccl'], 'nccl', 'How weights travel.'),
    remoteInstanceWeightLoaderStartSeedViaTransferEngine: flag('Offer the weights of this server.'),
  },
);
