import { RequestError } from '../../core/errors';
import type { InternalState } from '../../ipc/messages';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';
import { native } from './dialect';
import { deprecated, GIB, serverVersion } from './info';
import { renderLoads } from './loads-text';

const SECTIONS = ['core', 'memory', 'spec', 'lora', 'disagg', 'queues', 'all'] as const;
type Section = (typeof SECTIONS)[number];

/** What one rank has to do, in SGLang's names; sections that were not asked for are absent. */
export interface RankLoad {
  readonly dp_rank: number;
  readonly [field: string]: number | Readonly<Record<string, number | string>>;
}

/** How busy the server is, for routers. */
export function loadRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/get_load',
      methods: ['get'],
      level: 'normal',
      about: { area: 'Server', summary: 'In short what /v1/loads says', deprecated: true },
      handler: deprecated('/get_load', '/v1/loads', async (_req, res) => {
        const states = await manager.loads();
        res.json(
          states.map(({ load }, rank) => ({
            rid: null,
            http_worker_ipc: null,
            dp_rank: rank,
            num_reqs: load.running + load.queued,
            num_waiting_reqs: load.queued,
            num_tokens: load.usedTokens + load.queuedTokens,
            ts_tic: performance.now() / 1000,
          })),
        );
      }),
    },
    {
      path: '/v1/loads',
      methods: ['get'],
      level: 'normal',
      dialect: native,
      about: {
        area: 'Server',
        summary: 'What runs and what waits, for routers',
        query: {
          include: { summary: `Sections, with commas: ${SECTIONS.join(', ')}`, example: 'core,queues' },
          format: { summary: 'json or prometheus', example: 'json' },
          dp_rank: { summary: 'One scheduler only', example: '' },
        },
      },
      async handler(req, res) {
        const sections = readSections(req.query['include']);
        const isText = readFormat(req.query['format']) === 'prometheus';
        const asked = readRank(req.query['dp_rank']);
        const states = await manager.loads();
        const loads = states
          .map((state, rank) => describe(state, rank, sections))
          .filter((_, rank) => asked === null || asked === rank);
        if (isText) {
          res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
          res.end(renderLoads(loads));
          return;
        }
        res.json({
          timestamp: new Date().toISOString(),
          version: serverVersion(),
          dp_rank_count: loads.length,
          loads,
          aggregate: aggregate(loads),
        });
      },
    },
  ];
}

function describe(state: InternalState, rank: number, sections: ReadonlySet<Section>): RankLoad {
  const { load } = state;
  const wants = (section: Section) => sections.has(section) || sections.has('all');
  return {
    dp_rank: rank,
    num_running_reqs: load.running,
    num_waiting_reqs: load.queued,
    num_used_tokens: load.usedTokens,
    max_total_num_tokens: load.totalTokens,
    token_usage: load.usedTokens / load.totalTokens,
    gen_throughput: load.genThroughput,
    cache_hit_rate: load.cacheHitRate,
    utilization: Math.max(load.running / load.maxRunning, load.usedTokens / load.totalTokens),
    max_running_requests: load.maxRunning,
    ...(wants('memory') && {
      memory: {
        weight_gb: state.weightBytes / GIB,
        kv_cache_gb: state.kvCacheBytes / GIB,
        graph_gb: state.graphBytes / GIB,
        token_capacity: load.totalTokens,
      },
    }),
    ...(wants('spec') &&
      load.drafts && {
        speculative: { accept_length: load.drafts.acceptLength, accept_rate: load.drafts.acceptRate },
      }),
    ...(wants('disagg') && { disaggregation: { mode: 'null' } }),
    ...(wants('queues') && {
      queues: {
        waiting: load.queued,
        grammar: load.preparing,
        paused: load.paused ? load.running + load.queued : 0,
        retracted: load.retracted,
      },
    }),
    num_total_reqs: load.running + load.queued,
  };
}

function aggregate(loads: readonly RankLoad[]): Record<string, number> {
  const sum = (field: string) => loads.reduce((total, load) => total + Number(load[field] ?? 0), 0);
  const mean = (field: string) => sum(field) / Math.max(loads.length, 1);
  return {
    total_running_reqs: sum('num_running_reqs'),
    total_waiting_reqs: sum('num_waiting_reqs'),
    total_reqs: sum('num_total_reqs'),
    avg_token_usage: mean('token_usage'),
    avg_throughput: mean('gen_throughput'),
    avg_utilization: mean('utilization'),
  };
}

function refuse(message: string): never {
  throw new RequestError('bad_request', message);
}

function readSections(text: unknown): ReadonlySet<Section> {
  const names = text === undefined ? ['core'] : typeof text === 'string' ? text.split(',') : [''];
  const known = SECTIONS.filter((section) => names.includes(section));
  const unknown = names.find((name) => !(SECTIONS as readonly string[]).includes(name));
  if (unknown !== undefined)
    refuse(`include: unknown section '${unknown}', known are ${SECTIONS.join(', ')}`);
  return new Set(known);
}

function readFormat(text: unknown): 'json' | 'prometheus' {
  if (text === undefined || text === 'json' || text === 'prometheus') return text ?? 'json';
  return refuse("format: must be 'json' or 'prometheus'");
}

/** @returns null where all ranks are asked for */
function readRank(text: unknown): number | null {
  if (text === undefined) return null;
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) refuse('dp_rank: must be a whole number');
  return Number(text);
}
