import {
  choice,
  flag,
  int,
  json,
  jsonList,
  later,
  optionalFlag,
  reject,
  str,
  strs,
  topic,
  warn,
  yes,
} from '../flag';

/** Values of --load-format that SGLang knows. */
export const LOAD_FORMATS = [
  'auto',
  'pt',
  'safetensors',
  'npcache',
  'dummy',
  'sharded_state',
  'gguf',
  'bitsandbytes',
  'layered',
  'flash_rl',
  'remote',
  'remote_instance',
  'fastsafetensors',
  'private',
] as const;

const QUANTIZATIONS = [
  'awq',
  'fp8',
  'mxfp8',
  'gptq',
  'marlin',
  'gptq_marlin',
  'awq_marlin',
  'bitsandbytes',
  'gguf',
  'modelopt',
  'modelopt_fp8',
  'modelopt_fp4',
  'petit_nvfp4',
  'w8a8_int8',
  'w8a8_fp8',
  'moe_wna16',
  'qoq',
  'w4afp8',
  'mxfp4',
  'auto-round',
  'compressed-tensors',
  'modelslim',
  'quark_int4fp8_moe',
] as const;

export const modelTopic = topic('Model and tokenizer', yes, {
  modelPath: str(
    null,
    'Checkpoint: a folder, a GGUF file, the name of a checkpoint that ships with this package, or a Hugging Face repository id, which is downloaded unless the cache has it. Without it demo-chat is served, which ships.',
    { names: ['--model-path', '--model'], nonEmpty: true },
  ),
  tokenizerPath: str(
    null,
    'Folder, GGUF file or repository id of the tokenizer. Without it the one of the checkpoint is used.',
    {
      nonEmpty: true,
    },
  ),
  tokenizerMode: choice(['auto', 'slow'], 'auto', 'Which tokenizer implementation is used.', {
    support: warn('there is one tokenizer implementation, the fast one'),
  }),
  tokenizerWorkerNum: int(1, 'Processes that tokenize.', {
    range: { min: 1 },
    support: warn('long texts are tokenized on threads that are started as they are needed'),
  }),
  skipTokenizerInit: flag('Serve token ids in and token ids out, without a tokenizer.'),
  loadFormat: choice(
    LOAD_FORMATS,
    'auto',
    'How weights are read: safetensors files (safetensors), a GGUF file (gguf), whichever of them there is (auto), or random ones (dummy).',
    {
      support: reject(
        'weights are read from safetensors and GGUF files; use auto, safetensors, gguf or dummy',
        ['safetensors', 'gguf', 'dummy'],
      ),
    },
  ),
  modelLoaderExtraConfig: str('{}', 'Options of the weight loader, JSON.', {
    support: warn('the weight loader has no options'),
  }),
  trustRemoteCode: flag('Allow Python code that ships with a checkpoint.', {
    support: warn('no code of a checkpoint is ever run'),
  }),
  contextLength: int(
    null,
    'Tokens of prompt and output together. Without it the checkpoint states the length.',
    { range: { min: 1 } },
  ),
  isEmbedding: flag(
    'Serve the model for vectors in place of text: the hidden state of the last token, at length 1, or what modules.json says. ' +
      'Encoders are served so without it.',
  ),
  enableMultimodal: optionalFlag('Accept images, audio or video.', {
    support: reject('only text is supported'),
  }),
  revision: str(null, 'Branch, tag or commit of the repository on the hub; main without it.', {
    nonEmpty: true,
  }),
  modelImpl: str('auto', 'Which implementation of a model is used.', {
    support: warn('each model has one implementation'),
  }),
  downloadDir: str(
    null,
    'Folder of the Hugging Face cache, in place of the one that HF_HUB_CACHE or HF_HOME name.',
    { nonEmpty: true },
  ),
  modelChecksum: str(null, 'Verify the files of the checkpoint against hashes.', {
    support: later('the checksum of a checkpoint'),
  }),
  jsonModelOverrideArgs: json({}, "Members that replace those of the checkpoint's config.json, JSON.", {
    publishedAsText: true,
  }),
  servedModelName: str(null, 'Name in /v1/models. Without it the model path; a colon is not allowed.', {
    nonEmpty: true,
  }),
  weightVersion: str('default', 'Version of the weights that replies report.'),
  dtype: choice(
    ['auto', 'half', 'float16', 'bfloat16', 'float', 'float32'],
    'auto',
    'Number type of the computation; auto is float32 on cpu, on webgpu float16 for checkpoints in float16 and else float32, and on cuda ' +
      'the type of the checkpoint (float16 for float32).',
  ),
  quantization: choice(
    QUANTIZATIONS,
    null,
    'What weights in a floating-point type are quantized to when they are loaded, on cpu: w8a8_int8, int8 for each output, with ' +
      'inputs in 8 bits for each token. What is made is kept in SGLANG_CACHE_DIR. See also --torchao-config. ' +
      'Checkpoints that are quantized say so themselves; compressed-tensors, gptq, awq and gguf insist on it.',
    {
      support: reject('use w8a8_int8, compressed-tensors, gptq, awq or gguf', [
        'w8a8_int8',
        'compressed-tensors',
        'gptq',
        'awq',
        'gguf',
      ]),
    },
  ),
  kvCacheDtype: choice(
    ['auto', 'int8', 'fp8_e5m2', 'fp8_e4m3', 'bf16', 'bfloat16', 'fp4_e2m1'],
    'auto',
    'Number type of the KV cache; auto is that of the computation. int8 has a scale for each token of a head (CPU only).',
    { support: later('a KV cache type other than auto and int8', ['int8']) },
  ),
  quantizationParamPath: str(null, 'Scales of a quantized KV cache.', {
    support: later('quantization', ['None', '']),
  }),
  quantizeAndServe: flag('Quantize the checkpoint at start.', { support: later('quantization') }),
  rlQuantProfile: str(null, 'Quantization profile for reinforcement learning.', {
    support: later('quantization'),
  }),
  checkpointEngineWaitWeightsBeforeReady: flag('Wait until weights are pushed before serving.', {
    support: reject('weights come from the checkpoint; nothing can push them'),
  }),
  deleteCkptAfterLoading: flag('Delete the checkpoint once it is loaded.', {
    support: reject('the weights are read from the checkpoint while serving, and nothing here deletes files'),
  }),
  customWeightLoader: strs('*', null, 'Python functions that load the weights.', {
    support: reject('no Python code is run here'),
  }),
  forwardHooks: jsonList('Python hooks around the layers, a JSON list.', {
    support: reject('no Python code is run here'),
  }),
  decryptedConfigFile: str(null, 'Decrypted config.json of an encrypted checkpoint.', {
    support: reject('encrypted checkpoints are not supported'),
  }),
});
