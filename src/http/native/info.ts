import { RequestError } from '../../core/errors';
import type { InternalState } from '../../ipc/messages';
import { logger } from '../../logging/logger';
import { toPublicArgs } from '../../server-args';
import { packageVersion } from '../../core/package';
import type { AppDeps } from '../app-deps';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';

/** The release of SGLang whose interface this server has. */
const SGLANG_VERSION = '0.5.9';
export const GIB = 2 ** 30;

export function serverVersion(): string {
  return `${packageVersion()}+sglang.${SGLANG_VERSION}`;
}

/** What can be asked about the model and the server. */
export function infoRoutes(deps: AppDeps): RouteSpec[] {
  const get = (
    path: string,
    about: Omit<RouteDescription, 'area'>,
    handler: RouteSpec['handler'],
  ): RouteSpec => {
    return { path, methods: ['get'], level: 'normal', about: { area: 'Server', ...about }, handler };
  };
  const old = (path: string, successor: string, handler: RouteSpec['handler']): RouteSpec => {
    const summary = `The same as ${successor}`;
    return get(path, { summary, deprecated: true }, deprecated(path, successor, handler));
  };
  const refused = { summary: 'Answered by /model_info', deprecated: true } as const;
  const modelInfo: RouteSpec['handler'] = (_req, res) => void res.json(describeModel(deps));
  const serverInfo: RouteSpec['handler'] = async (_req, res) => void res.json(await describeServer(deps));
  return [
    get('/model_info', { summary: 'What is served' }, modelInfo),
    old('/get_model_info', '/model_info', modelInfo),
    get('/server_info', { summary: 'Flags, limits and the state of the schedulers' }, serverInfo),
    old('/get_server_info', '/server_info', serverInfo),
    get('/get_weight_version', refused, refuseWeightVersion),
    get('/weight_version', refused, refuseWeightVersion),
    get(
      '/ping',
      { summary: 'Answers with 200', reply: 'nothing' },
      (_req, res) => void res.status(200).end(),
    ),
  ];
}

function describeModel({ args, facts, manager }: AppDeps): Record<string, unknown> {
  return {
    model_path: manager.served.modelPath,
    tokenizer_path: args.tokenizerPath,
    is_generation: facts.kind === 'generation',
    preferred_sampling_params: args.preferredSamplingParams,
    weight_version: manager.served.weightVersion,
    has_image_understanding: false,
    has_audio_understanding: false,
    model_type: facts.modelType,
    architectures: facts.architectures,
  };
}

async function describeServer({ args, facts, manager }: AppDeps): Promise<Record<string, unknown>> {
  const { modelPath, name: servedModelName, loadFormat, weightVersion } = manager.served;
  const publicArgs = toPublicArgs({ ...args, modelPath, servedModelName, loadFormat, weightVersion });
  return {
    ...publicArgs,
    status: 'ready',
    max_total_num_tokens: facts.maxTotalNumTokens,
    max_req_input_len: facts.maxReqInputLen,
    internal_states: (await manager.internalStates()).map((state) => ({
      ...publicArgs,
      ...describeState(state),
    })),
    version: serverVersion(),
  };
}

function describeState(state: InternalState): Record<string, unknown> {
  return {
    last_gen_throughput: state.load.genThroughput,
    memory_usage: {
      weight: state.weightBytes / GIB,
      kvcache: state.kvCacheBytes / GIB,
      token_capacity: state.load.totalTokens,
      graph: state.graphBytes / GIB,
    },
    effective_max_running_requests_per_dp: state.load.maxRunning,
    ...(state.load.drafts && { avg_spec_accept_length: state.load.drafts.averageAcceptLength }),
  };
}

/** A handler that says which path is to be used instead. */
export function deprecated(
  path: string,
  successor: string,
  handler: RouteSpec['handler'],
): RouteSpec['handler'] {
  return (req, res) => {
    logger.log(
      'warning',
      `Endpoint '${path}' is deprecated and will be removed in a future version. Please use '${successor}' instead.`,
    );
    return handler(req, res);
  };
}

function refuseWeightVersion(): never {
  throw new RequestError(
    'not_found',
    "Endpoint '/get_weight_version' or '/weight_version' is deprecated. Please use '/model_info' instead.",
  );
}
