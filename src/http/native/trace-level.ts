import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';

/** `/set_trace_level?level=`: how much is recorded of requests that arrive from now on. */
export function traceRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/set_trace_level',
      methods: ['get', 'post'],
      level: 'admin_optional',
      handler(req, res) {
        manager.setTraceLevel(levelOf(req.query['level']));
        res.type('text/plain').send('success');
      },
    },
  ];
}

function levelOf(text: unknown): number {
  if (typeof text === 'string' && /^\d{1,3}$/.test(text)) return Number(text);
  throw new RequestError('bad_request', 'level: must be a whole number, at least 0', 'level');
}
