import { openTracer, sayWhereTracesGo } from '../../../src/launcher/open-tracer';
import { startSdk, sdkVariables } from '../../../src/tracing/sdk';
import { captureLog } from '../capture-log';

jest.mock('@opentelemetry/sdk-node', () => {
  throw new Error("Cannot find module '@opentelemetry/sdk-node'\nRequire stack: here");
});

const variables = { ...process.env };
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...variables };
});

const ARGS = { otlpTracesEndpoint: 'localhost:4317', servedModelName: 'm' };

it('traces nothing unless asked to', async () => {
  expect(await openTracer({ ...ARGS, enableTrace: false })).toBeNull();
});

it('says in one line what to do when there is no SDK, and then traces nothing', async () => {
  const lines = captureLog((level, message) => `${level}: ${message}`);
  expect(sayWhereTracesGo(await startSdk('localhost:4317'))).toBe(false);
  expect(lines).toEqual([
    "warning: --enable-trace records nothing: there is no OpenTelemetry SDK (Cannot find module '@opentelemetry/sdk-node'). " +
      'Install one with "npm install @opentelemetry/sdk-node", or register your own with ' +
      'NODE_OPTIONS="--import /path/to/it.mjs".',
  ]);
});

it('asks the SDK for gRPC to the endpoint, for traces alone, in SGLang’s batches', () => {
  expect(sdkVariables('localhost:4317', {})).toEqual({
    OTEL_SERVICE_NAME: 'sglang',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4317',
    OTEL_BSP_SCHEDULE_DELAY: '500',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '64',
  });
});

it('gives HTTP its path', () => {
  const set = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
  expect(sdkVariables('https://otel.example:4318', set)).toMatchObject({
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://otel.example:4318/v1/traces',
  });
});

it('leaves alone what is set', () => {
  const set = { OTEL_SERVICE_NAME: 'mine', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://there/x' };
  const added = sdkVariables('localhost:4317', set);
  expect(Object.keys(added)).not.toEqual(expect.arrayContaining(['OTEL_SERVICE_NAME']));
  expect(added['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']).toBeUndefined();
});
