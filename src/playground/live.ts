import { byId } from './dom.ts';
import { call, keyEvents, ServerError } from './server.ts';

const INTERVAL_MS = 1000;
/** How many of the latest samples are kept: a minute. */
const SAMPLES = 60;

/** What `/v1/loads` says of one scheduler. */
interface Load {
  readonly num_running_reqs: number;
  readonly num_waiting_reqs: number;
  readonly num_used_tokens: number;
  readonly max_total_num_tokens: number;
  readonly gen_throughput: number;
  readonly cache_hit_rate: number;
}

/** What all schedulers do together. */
interface Sample {
  readonly running: number;
  readonly queued: number;
  readonly usedTokens: number;
  readonly totalTokens: number;
  /** Tokens a second now. */
  readonly throughput: number;
  /** The same as the server has it: of the last decode steps, however long ago they were. */
  readonly reported: number;
  readonly hitRate: number;
}

/** Shows what the server does, anew each second, for as long as the page can be seen and the server wants no key. */
export async function watchLoad(): Promise<never> {
  const history: Sample[] = [];
  const problem = byId('live-problem', HTMLElement);
  for (;;) {
    if (document.hidden) await next(document, 'visibilitychange');
    try {
      const reply = await call('v1/loads');
      const { loads } = (await reply.json()) as { loads: readonly Load[] };
      history.push(sampleOf(loads, history.at(-1)?.reported));
      history.splice(0, history.length - SAMPLES);
      show(history);
      problem.textContent = '';
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      if (error instanceof ServerError && error.status === 401) await next(keyEvents, 'given');
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

function next(target: EventTarget, type: string): Promise<Event> {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
}

/** @param before what was reported a second ago: another number means that something ran since then */
function sampleOf(loads: readonly Load[], before: number | undefined): Sample {
  const sum = (field: keyof Load) => loads.reduce((total, load) => total + load[field], 0);
  const running = sum('num_running_reqs');
  const reported = sum('gen_throughput');
  const isCurrent = running > 0 || (before !== undefined && before !== reported);
  return {
    running,
    queued: sum('num_waiting_reqs'),
    usedTokens: sum('num_used_tokens'),
    totalTokens: sum('max_total_num_tokens'),
    throughput: isCurrent ? reported : 0,
    reported,
    hitRate: sum('cache_hit_rate') / Math.max(loads.length, 1),
  };
}

function show(history: readonly Sample[]): void {
  const latest = history.at(-1);
  if (latest === undefined) return;
  const usage = latest.usedTokens / Math.max(latest.totalTokens, 1);
  // The server reports 0 after a while of decoding, whatever was cached before.
  const hits = history.findLast(({ hitRate }) => hitRate > 0)?.hitRate ?? 0;
  write('running', String(latest.running));
  write('queued', String(latest.queued));
  write('throughput', latest.throughput.toFixed(latest.throughput < 100 ? 1 : 0));
  write('usage', percent(usage));
  write(
    'usage-tokens',
    `${latest.usedTokens.toLocaleString('en')} of ${latest.totalTokens.toLocaleString('en')}`,
  );
  write('hits', hits === 0 ? '–' : percent(hits));
  byId('usage-bar', HTMLProgressElement).value = usage;
  byId('hits-bar', HTMLProgressElement).value = hits;
  byId('spark', SVGPolylineElement).setAttribute(
    'points',
    points(history.map(({ throughput }) => throughput)),
  );
}

function write(id: string, text: string): void {
  byId(id, HTMLElement).textContent = text;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** A line through the values, the newest at the right edge, in a box of 59 × 20. */
function points(values: readonly number[]): string {
  const top = Math.max(...values, 1);
  return values
    .map((value, i) => `${SAMPLES - values.length + i},${(19 - (value / top) * 18).toFixed(2)}`)
    .join(' ');
}
