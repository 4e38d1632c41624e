import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';

/** `/set_trace_level?level=`: how much is recorded of requests that arrive from now on. */
export function traceRoutes({ args, manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/set_trace_level',
      methods: ['get', 'post'],
      level: 'admin_optional',
      about: {
        area: 'Operators',
        summary: 'How much is traced of requests that arrive from now on',
        query: { level: { summary: 'From 0, nothing, to 3', example: '1' } },
        reply: 'text',
        refusal: args.enableTrace ? null : 'Only a server that was started with --enable-trace answers this.',
      },
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
