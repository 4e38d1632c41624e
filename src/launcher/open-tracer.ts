import { env } from '../core/env';
import { assertNever } from '../core/errors';
import { logger } from '../logging/logger';
import type { ServerArgs } from '../server-args';
import type { RequestTracer } from '../tracing/request-tracer';
import type { SdkState } from '../tracing/sdk';

/**
 * For `--enable-trace`: what begins the traces of requests. Its modules are loaded only where they are asked for.
 * @returns null where nothing is to be traced, or where nobody would take what was recorded; the log then says what is missing
 */
export async function openTracer(
  args: Pick<ServerArgs, 'enableTrace' | 'otlpTracesEndpoint' | 'servedModelName'>,
): Promise<RequestTracer | null> {
  if (!args.enableTrace) return null;
  const [{ startSdk }, { RequestTracer: Tracer }] = await Promise.all([
    import('../tracing/sdk.js'),
    import('../tracing/request-tracer.js'),
  ]);
  if (!sayWhereTracesGo(await startSdk(args.otlpTracesEndpoint))) return null;
  return new Tracer(env('SGLANG_TRACE_LEVEL'), args.servedModelName);
}

/** @returns whether they go anywhere */
export function sayWhereTracesGo(state: SdkState): boolean {
  switch (state.kind) {
    case 'registered':
      logger.info('Traces go to the OpenTelemetry SDK that is registered in this process.');
      return true;
    case 'started':
      logger.info(`Traces are sent to ${state.endpoint}.`);
      return true;
    case 'missing':
      logger.log(
        'warning',
        `--enable-trace records nothing: there is no OpenTelemetry SDK (${state.reason}). Install one with ` +
          '"npm install @opentelemetry/sdk-node", or register your own with NODE_OPTIONS="--import /path/to/it.mjs".',
      );
      return false;
    default:
      return assertNever(state);
  }
}
