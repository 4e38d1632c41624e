import { isSpanContextValid, trace } from '@opentelemetry/api';
import { env } from '../core/env';
import { errorMessage } from '../core/errors';
import { tracer } from './thread-trace';

/** How it stands with the SDK that is to record and send spans. */
export type SdkState =
  /** The operator has registered one. */
  | { readonly kind: 'registered' }
  /** None was; @opentelemetry/sdk-node is installed and was started. */
  | { readonly kind: 'started'; readonly endpoint: string }
  /** There is none: nothing is recorded. */
  | { readonly kind: 'missing'; readonly reason: string };

/**
 * Sees to it that spans of this process go somewhere: to the SDK that was registered before (`node --import`), else to
 * @opentelemetry/sdk-node where it is installed. The latter reads OpenTelemetry's own variables; those that are not set are set
 * here from SGLang's.
 * @param endpoint of `--otlp-traces-endpoint`
 */
export async function startSdk(endpoint: string): Promise<SdkState> {
  if (isRecording()) return { kind: 'registered' };
  const settings = sdkVariables(endpoint, process.env);
  Object.assign(process.env, settings);
  try {
    const { NodeSDK } = await import('@opentelemetry/sdk-node');
    new NodeSDK().start();
  } catch (error) {
    return { kind: 'missing', reason: errorMessage(error).split('\n')[0] ?? '' };
  }
  return { kind: 'started', endpoint: process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? endpoint };
}

/** Sends what was recorded and not sent yet, for a second at most: the process is about to end. */
export async function flushSdk(): Promise<void> {
  const provider: unknown = trace.getTracerProvider();
  const flush = flusher(provider) ?? flusher((provider as { getDelegate?: () => unknown }).getDelegate?.());
  if (flush === null) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_LIMIT_MS)));
  // What cannot be sent now is lost with the process; the exporter has said why.
  await Promise.race([flush().catch(() => undefined), limit]);
  clearTimeout(timer);
}

const FLUSH_LIMIT_MS = 1000;

/** OpenTelemetry's variables that are not set, as SGLang's ask for them. */
export function sdkVariables(
  endpoint: string,
  set: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const protocol = set['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? set['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'grpc';
  const url = endpoint.includes('://') ? endpoint : `http://${endpoint}`;
  const wanted = {
    OTEL_SERVICE_NAME: 'sglang',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
    // The path belongs to the protocol: with gRPC there is none.
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: protocol === 'grpc' ? url : new URL('/v1/traces', url).href,
    OTEL_BSP_SCHEDULE_DELAY: String(env('SGLANG_OTLP_EXPORTER_SCHEDULE_DELAY_MILLIS')),
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: String(env('SGLANG_OTLP_EXPORTER_MAX_EXPORT_BATCH_SIZE')),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => (set[name] ?? '') === ''));
}

/** Whether spans are more than placeholders here. */
function isRecording(): boolean {
  return isSpanContextValid(tracer().startSpan('probe').spanContext());
}

function flusher(provider: unknown): (() => Promise<void>) | null {
  const { forceFlush } = (provider ?? {}) as { forceFlush?: () => Promise<void> };
  return forceFlush === undefined ? null : () => forceFlush.call(provider);
}
