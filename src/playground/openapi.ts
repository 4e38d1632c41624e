/** The parts of this server's /openapi.json that the page reads. */
export interface OpenApi {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly deprecated?: true;
  /** Why this server does not answer it. */
  readonly 'x-refused'?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: {
      readonly 'application/json': {
        readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
      };
    };
  };
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly description?: string;
  readonly example?: string;
}

/** A route with the method by which it is tried. */
export interface Route {
  readonly path: string;
  readonly method: string;
  readonly summary: string;
  readonly refused: string | null;
  readonly parameters: readonly Parameter[];
  /** Bodies by what they show; null where it takes none. */
  readonly examples: Readonly<Record<string, unknown>> | null;
}

/** The routes of each area that are to be used, in the document's order. POST is tried where there is a choice. */
export function routesByArea({ tags, paths }: OpenApi): [area: string, routes: Route[]][] {
  const routes = Object.entries(paths).flatMap(([path, operations]) => {
    const [method = 'get', operation = {}] =
      Object.entries(operations).find(([name]) => name === 'post') ?? Object.entries(operations)[0] ?? [];
    if (operation.deprecated) return [];
    const examples = operation.requestBody?.content['application/json'].examples;
    const route: Route = {
      path,
      method: method.toUpperCase(),
      summary: operation.summary ?? '',
      refused: operation['x-refused'] ?? null,
      parameters: operation.parameters ?? [],
      examples:
        operation.requestBody === undefined
          ? null
          : Object.fromEntries(Object.entries(examples ?? {}).map(([name, { value }]) => [name, value])),
    };
    return [{ area: operation.tags?.[0] ?? 'Others', route }];
  });
  const areas = [...new Set([...tags.map(({ name }) => name), 'Others'])];
  return areas
    .map((name): [string, Route[]] => [
      name,
      routes.flatMap(({ area, route }) => (area === name ? [route] : [])),
    ])
    .filter(([, found]) => found.length > 0);
}

/** The path to ask, relative to the page. */
export function fill(route: Pick<Route, 'path' | 'parameters'>, values: ReadonlyMap<string, string>): string {
  const query = new URLSearchParams();
  let { path } = route;
  for (const { name, in: place } of route.parameters) {
    const value = values.get(name) ?? '';
    // Names of models have slashes of their own.
    if (place === 'path')
      path = path.replace(`{${name}}`, value.split('/').map(encodeURIComponent).join('/'));
    else if (value !== '') query.set(name, value);
  }
  const text = query.toString();
  return path.slice(1) + (text === '' ? '' : `?${text}`);
}
