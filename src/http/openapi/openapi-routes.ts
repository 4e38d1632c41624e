import type { AppDeps } from '../app-deps';
import { serverVersion } from '../native/info';
import type { RouteSpec } from '../route';
import { openapiDocument } from './document';

/** `/openapi.json`: what there is, this route included. Open, because it says nothing that the documentation does not. */
export function openapiRoutes(
  { args, facts }: Pick<AppDeps, 'args' | 'facts'>,
  others: readonly RouteSpec[],
): RouteSpec[] {
  const own: RouteSpec = {
    path: '/openapi.json',
    methods: ['get'],
    level: 'open',
    about: { area: 'Pages', summary: 'This API as an OpenAPI 3.1 document' },
    handler: (_req, res) => void res.json(document),
  };
  const document = openapiDocument([...others, own], {
    version: serverVersion(),
    rootPath: args.fastapiRootPath.replace(/\/+$/, ''),
    kind: facts.kind,
  });
  return [own];
}
