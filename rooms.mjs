/**
 * The rooms of `src` and what each may import from: layers go one way,
 * http → tokenizer-manager → (ipc) → scheduler → model-runner → models → onnxruntime.
 * The linter holds this table; docs/architecture.md says what each room is for.
 */
export const ROOMS = {
  core: [],
  logging: ['core'],
  onnxruntime: ['core'],
  profiling: ['core'],
  tracing: ['core'],
  checkpoint: ['core', 'logging'],
  tokenizer: ['core', 'logging', 'checkpoint'],
  reasoning: ['core'],
  constrained: ['core', 'checkpoint', 'tokenizer'],
  'chat-template': ['core', 'logging', 'checkpoint', 'tokenizer'],
  models: ['core', 'logging', 'checkpoint', 'onnxruntime'],
  sampling: ['core'],
  'tool-calls': ['core'],
  'model-runner': ['core', 'logging', 'checkpoint', 'models', 'onnxruntime'],
  metrics: ['core'],
  ipc: ['core'],
  child: ['core', 'logging', 'tracing', 'profiling', 'ipc', 'checkpoint'],
  scheduler: [
    'core',
    'logging',
    'tracing',
    'metrics',
    'ipc',
    'child',
    'constrained',
    'sampling',
    'model-runner',
    'models',
  ],
  detokenizer: ['core', 'logging', 'tracing', 'metrics', 'ipc', 'child', 'tokenizer'],
  'tokenizer-manager': [
    'core',
    'logging',
    'tracing',
    'metrics',
    'ipc',
    'constrained',
    'reasoning',
    'tokenizer',
  ],
  http: [
    'core',
    'logging',
    'metrics',
    'ipc',
    'constrained',
    'chat-template',
    'tool-calls',
    'reasoning',
    'tokenizer-manager',
    'server-args',
  ],
  // Runs in browsers; its files are served by http.
  playground: [],
  'server-args': [
    'core',
    'logging',
    'metrics',
    'tool-calls',
    'reasoning',
    'scheduler',
    'models',
    'model-runner',
  ],
  engine: [
    'core',
    'logging',
    'checkpoint',
    'chat-template',
    'tokenizer-manager',
    'http',
    'server-args',
    'launcher',
  ],
  launcher: [
    'core',
    'logging',
    'profiling',
    'tracing',
    'metrics',
    'ipc',
    'child',
    'checkpoint',
    'tokenizer',
    'chat-template',
    'tokenizer-manager',
    'http',
    'server-args',
  ],
};

/** Rooms that everybody may import types from: types are gone at run time. */
const TYPES_FOR_ALL = ['server-args'];

/** Libraries that only one room talks to. */
const LIBRARIES = {
  '@mlc-ai/web-xgrammar': { only: ['constrained'], message: 'Only src/constrained talks to XGrammar.' },
  zeromq: { only: ['ipc'], message: 'Only src/ipc talks to ZeroMQ.' },
  '@opentelemetry/api': { only: ['tracing'], message: 'Only src/tracing talks to OpenTelemetry.' },
  'prom-client': { only: ['metrics'], message: 'Only src/metrics talks to prom-client.' },
  express: { only: ['http'], message: 'Only src/http talks to express.' },
  '@huggingface/hub': { only: ['checkpoint'], message: 'Only src/checkpoint talks to the hub.' },
  koffi: {
    only: ['core', 'onnxruntime', 'model-runner', 'checkpoint'],
    message: 'Only core, onnxruntime, model-runner and checkpoint call native code.',
  },
};

/** One block of lint configuration for each room. */
export const roomRules = Object.entries(ROOMS).map(([room, allowed]) => {
  const closed = Object.keys(ROOMS).filter((other) => other !== room && !allowed.includes(other));
  const pattern = (rooms, allowTypeImports) => ({
    regex: `^(\\.\\./)+(${rooms.join('|')})(/|$)`,
    message: `Not from src/${room}: see rooms.mjs.`,
    allowTypeImports,
  });
  const groups = [
    pattern([...closed.filter((other) => !TYPES_FOR_ALL.includes(other)), 'launch-server', 'index'], false),
    pattern(
      closed.filter((other) => TYPES_FOR_ALL.includes(other)),
      true,
    ),
  ];
  const paths = Object.entries(LIBRARIES)
    .filter(([, { only }]) => !only.includes(room))
    .map(([name, { message }]) => ({ name, message }));
  return {
    files: [`src/${room}/**`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { paths, patterns: groups.filter(({ regex }) => !regex.includes('()')) },
      ],
    },
  };
});
