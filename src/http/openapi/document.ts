import { z } from 'zod';
import type { AuthLevel } from '../auth';
import type { RouteSpec } from '../route';
import { AREAS, type RouteDescription } from './description';

/** What the document says of the server besides its routes. */
export interface ServerDescription {
  readonly version: string;
  /** Prefix of all paths; '' for none. */
  readonly rootPath: string;
  readonly kind: NonNullable<RouteDescription['only']>;
}

type Json = Record<string, unknown>;

/** The routes as an OpenAPI 3.1 document; those that say nothing of themselves with their methods only. */
export function openapiDocument(routes: readonly RouteSpec[], server: ServerDescription): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'sglang-node',
      version: server.version,
      description: "SGLang's native API, OpenAI's and Ollama's, answered by the model of this server.",
    },
    servers: [{ url: server.rootPath === '' ? '/' : server.rootPath }],
    tags: AREAS.map((name) => ({ name })),
    paths: Object.fromEntries(routes.map((route) => [templateOf(route.path), operations(route, server)])),
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: '--api-key' },
        adminKey: { type: 'http', scheme: 'bearer', description: '--admin-api-key, or --api-key without it' },
      },
    },
  };
}

function operations(route: RouteSpec, server: ServerDescription): Json {
  return Object.fromEntries(
    route.methods.map((method) => [method, operation(route, method === 'get' ? null : route.about, server)]),
  );
}

/** @param withBody where the method has a body */
function operation(
  { path, level, about }: RouteSpec,
  withBody: RouteDescription | null | undefined,
  { kind }: ServerDescription,
): Json {
  const refusal = refusalOf(about, kind);
  const parameters = [...pathParameters(path), ...queryParameters(about)];
  return {
    ...(about && { tags: [about.area], summary: about.summary }),
    ...(about?.deprecated && { deprecated: true }),
    ...(refusal !== null && { 'x-refused': refusal }),
    ...(parameters.length > 0 && { parameters }),
    ...(withBody?.body && { requestBody: requestBody(withBody.body, withBody.examples ?? {}) }),
    responses: {
      200: reply(about?.reply ?? 'json'),
      default: { description: 'An error', content: json({}) },
    },
    security: SECURITY[level],
  };
}

const SECURITY: Readonly<Record<AuthLevel, readonly Json[]>> = {
  open: [],
  normal: [{ apiKey: [] }],
  admin_optional: [{ adminKey: [] }],
};

function refusalOf(about: RouteDescription | undefined, kind: ServerDescription['kind']): string | null {
  const { only = kind, refusal = null } = about ?? {};
  if (only === kind) return refusal;
  return only === 'embedding'
    ? 'Only a server that was started with --is-embedding answers this.'
    : 'Only a server that was started without --is-embedding answers this.';
}

/** `/v1/models/*name` and `/assets/:name` in the form of OpenAPI. */
function templateOf(path: string): string {
  return path.replace(/[:*](\w+)/g, '{$1}');
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/[:*](\w+)/g)].map(([, name]) => {
    return { name, in: 'path', required: true, schema: { type: 'string' } };
  });
}

function queryParameters(about: RouteDescription | undefined): Json[] {
  return Object.entries(about?.query ?? {}).map(([name, { summary, example }]) => ({
    name,
    in: 'query',
    description: summary,
    schema: { type: 'string' },
    ...(example !== '' && { example }),
  }));
}

function requestBody(schema: z.ZodObject, examples: Readonly<Record<string, object>>): Json {
  const named = Object.entries(examples).map(([name, value]) => [name, { value }] as const);
  const required = !schema.safeParse({}).success;
  return { required, content: json(schemaOf(schema), Object.fromEntries(named)) };
}

/** Checks that are functions say by `.meta` what they let through; others let through anything, as far as this goes. */
function schemaOf(schema: z.ZodObject): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ jsonSchema }) {
      // That an integer is one that JavaScript has goes without saying.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  void $schema; // The document is of this dialect as a whole.
  return rest;
}

function reply(kind: NonNullable<RouteDescription['reply']>): Json {
  const description = 'What was asked for';
  switch (kind) {
    case 'json':
      return { description, content: json({}) };
    case 'events':
      return { description, content: { ...json({}), 'text/event-stream': { schema: { type: 'string' } } } };
    case 'text':
      return { description, content: { 'text/plain': { schema: { type: 'string' } } } };
    case 'page':
      return { description, content: { 'text/html': { schema: { type: 'string' } } } };
    case 'nothing':
      return { description };
  }
}

function json(schema: Json, examples: Json = {}): Json {
  return { 'application/json': { schema, ...(Object.keys(examples).length > 0 && { examples }) } };
}
