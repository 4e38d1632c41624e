import type { IRoute, Request, Response, Router } from 'express';
import { RequestError } from '../core/errors';
import { authenticate, type AuthLevel, type Keys } from './auth';
import { readBody, type BodyKind } from './body';

export type Method = 'get' | 'post' | 'put';

export interface RouteSpec {
  readonly path: string;
  readonly methods: readonly Method[];
  readonly level: AuthLevel;
  /** Absent where the route takes no body. */
  readonly body?: BodyKind;
  /** What it throws becomes an error reply. */
  readonly handler: (req: Request, res: Response) => void | Promise<void>;
}

const declaredLevels = new WeakMap<IRoute, AuthLevel>();

/** The level a route of the live router was declared with; undefined for one that was added in another way. */
export function levelOf(route: IRoute): AuthLevel | undefined {
  return declaredLevels.get(route);
}

/** Adds routes: the only way in, so that none is without a declared level, checked before its body is read. */
export function addRoutes(router: Router, keys: Keys, specs: readonly RouteSpec[]): void {
  for (const { path, methods, level, body, handler } of specs) {
    const route = router.route(path);
    declaredLevels.set(route, level);
    route.all(authenticate(level, keys));
    for (const method of methods) {
      route[method](...(body === undefined ? [] : readBody(body)), async (req, res) => {
        await handler(req, res);
      });
    }
    route.all((_req, res) => {
      res.setHeader('allow', methods.map((method) => method.toUpperCase()).join(', '));
      throw new RequestError('method_not_allowed', 'Method Not Allowed');
    });
  }
}
