/** What an answer took, as the server counts it. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  /** null where the server does not report it, or nothing was cached. */
  readonly prompt_tokens_details: { readonly cached_tokens: number } | null;
}

/** When an answer was asked for, when its first and last text came (milliseconds of one clock), and what it took. */
export interface AnswerTimes {
  readonly askedAt: number;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  readonly usage: Usage | null;
}

/** Text that comes in less may have come at once: its pace is that of the network. */
const SHORTEST_S = 0.005;

/** The numbers below an answer, each with its name. What is not known is left out. */
export function answerFacts({
  askedAt,
  firstAt,
  lastAt,
  usage,
}: AnswerTimes): [name: string, value: string][] {
  const facts: [string, string][] = [];
  if (firstAt !== null) facts.push(['first token', duration(firstAt - askedAt)]);
  if (usage === null) return facts;
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage;
  // The first token waited for the prompt; the pace is that of those after it.
  const seconds = firstAt === null || lastAt === null ? 0 : (lastAt - firstAt) / 1000;
  if (completion_tokens > 1 && seconds >= SHORTEST_S) {
    facts.unshift(['tokens/s', ((completion_tokens - 1) / seconds).toFixed(1)]);
  }
  facts.push(['prompt', String(prompt_tokens)], ['completion', String(completion_tokens)]);
  if (prompt_tokens_details) facts.push(['cached', String(prompt_tokens_details.cached_tokens)]);
  return facts;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
