import type { IRoute, Request, RequestHandler, Response, Router } from 'express';
import { RequestError } from '../core/errors';
import type { AppDeps } from './app-deps';
import { authenticate, type AuthLevel } from './auth';
import { readBody, type BodyKind } from './body';
import { speak, type Dialect } from './dialect';
import type { HttpMetrics } from './http-metrics';
import type { RouteDescription } from './openapi/description';
import type { ServerStatus } from './app-deps';

export type Method = 'get' | 'post' | 'put' | 'delete';

export interface RouteSpec {
  readonly path: string;
  readonly methods: readonly Method[];
  readonly level: AuthLevel;
  /** A header in which its clients send the key, beside `Authorization`. */
  readonly keyHeader?: string;
  /** How its errors are told; absent where it is the dialect of its path (`dialectOfPath`). */
  readonly dialect?: Dialect;
  /** Absent where the route takes no body. */
  readonly body?: BodyKind;
  /** What /openapi.json and /docs say of it. */
  readonly about?: RouteDescription;
  /** Whether it is served while the server drains, although it is more than a question (GET): it ends work. */
  readonly whileDraining?: true;
  /** What it throws becomes an error reply. */
  readonly handler: (req: Request, res: Response) => void | Promise<void>;
}

const declaredLevels = new WeakMap<IRoute, AuthLevel>();

/** The level a route of the live router was declared with; undefined for one that was added in another way. */
export function levelOf(route: IRoute): AuthLevel | undefined {
  return declaredLevels.get(route);
}

/** Adds routes: the only way in, so that none is without a declared level, checked before its body is read. */
export function addRoutes(
  router: Router,
  { args, status, http }: Pick<AppDeps, 'args' | 'status'> & { readonly http: HttpMetrics | null },
  specs: readonly RouteSpec[],
): void {
  for (const { path, methods, level, keyHeader, dialect, body, whileDraining, handler } of specs) {
    const route = router.route(path);
    declaredLevels.set(route, level);
    if (http !== null) route.all(http.route(path));
    if (dialect !== undefined) route.all(speaking(dialect));
    route.all(authenticate(level, args, keyHeader));
    for (const method of methods) {
      const isServed = method === 'get' || whileDraining === true;
      const before = [
        ...(isServed ? [] : [refuseWhileDraining(status)]),
        ...(body === undefined ? [] : [readBody(body)]),
      ];
      route[method](...before, async (req, res) => {
        await handler(req, res);
      });
    }
    route.all((_req, res) => {
      res.setHeader('allow', methods.map((method) => method.toUpperCase()).join(', '));
      throw new RequestError('method_not_allowed', 'Method Not Allowed');
    });
  }
}

function speaking(dialect: Dialect): RequestHandler {
  return (_req, res, next) => {
    speak(res, dialect);
    next();
  };
}

/** Clients turn to another server then, with a new connection. */
function refuseWhileDraining(status: ServerStatus): RequestHandler {
  return (_req, res, next) => {
    if (status.phase !== 'draining') return next();
    res.setHeader('connection', 'close');
    throw new RequestError('overloaded', 'The server is shutting down.');
  };
}
