import type { AppDeps } from './app-deps';
import type { RouteSpec } from './route';

/** `/metrics`, for Prometheus; not there without `--enable-metrics`. */
export function metricsRoutes({ metrics }: AppDeps): RouteSpec[] {
  if (metrics === null) return [];
  return [
    {
      path: '/metrics',
      methods: ['get'],
      level: 'open',
      about: { area: 'Server', summary: 'Numbers for Prometheus', reply: 'text' },
      async handler(req, res) {
        const { contentType, text } = await metrics.page(req.headers.accept);
        res.setHeader('content-type', contentType);
        res.vary('Accept').end(text);
      },
    },
  ];
}
