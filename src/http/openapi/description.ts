import type { z } from 'zod';
import type { ModelFacts } from '../../core/model-facts';

/** The chapters of the API, in the order in which they are shown. */
export const AREAS = [
  'OpenAI',
  'Anthropic',
  'Ollama',
  'Vectors and ranks',
  'Native',
  'Texts and tokens',
  'Server',
  'Operators',
  'Pages',
] as const;

/** What a route says of itself in /openapi.json, and so on /docs. */
export interface RouteDescription {
  readonly area: (typeof AREAS)[number];
  /** A sentence without its full stop. */
  readonly summary: string;
  /** What its body is checked against, where it takes one. */
  readonly body?: z.ZodObject;
  /** Bodies that are answered, by what they show. The first is the one that /docs begins with. */
  readonly examples?: Readonly<Record<string, object>>;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  /** What it answers: JSON where nothing is said. `events` is JSON, or a stream where the body asks for one. */
  readonly reply?: 'json' | 'events' | 'text' | 'page' | 'nothing';
  /** The kind of model it is for; others refuse it. */
  readonly only?: ModelFacts['kind'];
  /** Why this server, as it was started, does not answer it. */
  readonly refusal?: string | null;
  /** There is another path for it, which is to be used. */
  readonly deprecated?: true;
}

interface QueryParameter {
  readonly summary: string;
  /** What /docs begins with; '' for leaving it out. */
  readonly example: string;
}
