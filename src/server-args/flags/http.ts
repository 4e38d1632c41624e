import { TOOL_PARSER_NAMES } from '../../tool-calls/registry';
import { REASONING_PARSERS, type ReasoningParserName } from '../../reasoning/parsers';
import { choice, flag, int, json, later, optionalFlag, reject, str, strs, topic, warn, yes } from '../flag';

const REASONING_PARSER_NAMES = Object.keys(REASONING_PARSERS) as ReasoningParserName[];

export const httpTopic = topic('HTTP server', yes, {
  host: str('127.0.0.1', 'Address to listen on.', { nonEmpty: true }),
  port: int(30000, 'Port to listen on; 0 takes a free one.', { range: { min: 0, max: 65535 } }),
  fastapiRootPath: str('', 'Path prefix that a proxy in front of the server strips.'),
  grpcMode: flag('Serve gRPC in place of HTTP.', { support: reject('only HTTP is served') }),
  disablePlayground: flag('Serve no pages for browsers: no playground at / and no /docs.'),
  apiKey: str(null, 'Key that requests carry as bearer token.', { secret: true, nonEmpty: true }),
  adminApiKey: str(null, 'Key for the routes of operators.', { secret: true, nonEmpty: true }),
  skipServerWarmup: flag('Send no request to the server itself at start.'),
  warmups: str(null, 'Names of further warm-up functions.', {
    support: warn('there is one warm-up request'),
  }),
  fileStoragePath: str('sglang_storage', 'Folder of uploaded files.', {
    support: warn('no route takes files'),
  }),
  allowAutoTruncate: flag('Cut prompts that are too long, in place of refusing them.'),
  streamOutput: flag('Send only the new token ids in each chunk of a stream.'),
  incrementalStreamingOutput: flag('Send only the new text and token ids in each chunk of a stream.', {
    support: later('a stream of new text only'),
  }),
  streamResponseDefaultIncludeUsage: flag('Report the usage in every stream of the OpenAI routes.'),
  enableStreamingSession: flag('Allow sessions whose requests each go on from the last one (`streaming`).'),
  preferredSamplingParams: json(
    null,
    'Sampling parameters for requests that leave them out, a JSON object; /model_info shows them.',
  ),
  samplingDefaults: choice(
    ['openai', 'model'],
    'model',
    'Defaults of sampling parameters: those of the OpenAI API, or the generation_config.json of the model.',
  ),
  sslKeyfile: str(null, 'Private key of the server, a PEM file.', { support: later('serving over TLS') }),
  sslCertfile: str(null, 'Certificate of the server, a PEM file.', { support: later('serving over TLS') }),
  sslCaCerts: str(null, 'Certificates of accepted clients, a PEM file.', {
    support: later('serving over TLS'),
  }),
  sslKeyfilePassword: str(null, 'Password of the private key.', {
    support: later('serving over TLS'),
    secret: true,
  }),
  enableSslRefresh: flag('Read changed certificates while serving.', { support: later('serving over TLS') }),
});

export const chatTopic = topic('Chat and structured output', later('the chat endpoint'), {
  chatTemplate: str(null, 'Chat template: a built-in name, or a .jinja or .json file.', {
    nonEmpty: true,
    support: yes,
  }),
  hfChatTemplateName: str(null, 'Which of several chat templates of the tokenizer is used.', {
    nonEmpty: true,
    support: yes,
  }),
  defaultChatTemplateKwargs: json(
    null,
    'Variables of the chat template for requests that leave them out, a JSON object.',
    { support: yes },
  ),
  completionTemplate: str(null, 'Template for filling in the middle.', {
    support: later('a completion template'),
  }),
  toolCallParser: choice(
    ['auto', ...TOOL_PARSER_NAMES],
    null,
    'Form in which the model writes tool calls; auto goes by the chat template. Without it they stay text.',
    { support: yes },
  ),
  reasoningParser: choice(
    [...REASONING_PARSER_NAMES, 'auto'],
    null,
    'Form in which the model writes its reasoning, which chats then tell from the answer; auto reads it from the chat template.',
    { support: yes },
  ),
  toolServer: str(null, 'Servers of tools for /v1/responses.', {
    support: reject('tools are not run by the server'),
  }),
  enableCacheReport: flag('Report cached tokens in the usage of OpenAI replies.', {
    support: yes,
  }),
  grammarBackend: choice(
    ['xgrammar', 'outlines', 'llguidance', 'none'],
    null,
    'Engine of constrained output; none turns it off. Default: xgrammar.',
    {
      support: warn('the only engine here is xgrammar, which takes the same grammars', ['xgrammar', 'none']),
    },
  ),
  constrainedJsonWhitespacePattern: str(null, 'Whitespace between JSON tokens, a regular expression.', {
    support: warn('the engine xgrammar does not know it'),
  }),
  disableJumpForward: flag('Compute text that a grammar forces token by token.', {
    support: yes,
  }),
  constrainedJsonDisableAnyWhitespace: flag('Write JSON without whitespace.', {
    support: yes,
  }),
  disableOutlinesDiskCache: flag('Keep compiled grammars off the disk.', {
    support: warn('nothing is kept on the disk'),
  }),
  multiItemScoringDelimiter: int(
    null,
    'Token between the items of /v1/score: query and items are tokenized and counted as the parts of one sequence. Each item still has ' +
      'a prompt of its own, which gives the same scores, and the query is computed once either way.',
    { support: yes, range: { min: 0 } },
  ),
  enableReturnHiddenStates: flag('Let requests ask for hidden states.', {
    support: later('the return of hidden states'),
  }),
  enableReturnRoutedExperts: flag('Let requests ask for the experts of each token.', {
    support: later('the return of routed experts'),
  }),
  enableCustomLogitProcessor: flag('Let requests bring code that changes logits.', {
    support: reject('no code of a request is ever run'),
  }),
});

export const loraTopic = topic('LoRA', reject('LoRA adapters are not supported'), {
  enableLora: optionalFlag('Serve adapters.'),
  enableLoraOverlapLoading: optionalFlag('Load adapters while others run.'),
  maxLoraRank: int(null, 'Largest rank of an adapter.'),
  loraTargetModules: strs('*', null, 'Layers that adapters change.'),
  loraPaths: strs('*', null, 'Adapters to load at start.'),
  maxLorasPerBatch: int(8, 'Adapters in one batch.'),
  maxLoadedLoras: int(null, 'Adapters in memory.'),
  loraEvictionPolicy: choice(['lru', 'fifo'], 'lru', 'Which adapter leaves the memory first.'),
  loraBackend: choice(['triton', 'csgmv', 'ascend', 'torch_native'], 'csgmv', 'Kernels of adapters.'),
  maxLoraChunkSize: choice([16, 32, 64, 128], 16, 'Chunk size of the kernels.'),
});
