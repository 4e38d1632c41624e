import { z } from 'zod';
import { logger } from '../../logging/logger';
import { pythonRepr } from '../../logging/python-repr';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

const text = z.string({ error: 'must be a string' }).nullish();

const schema = z.object(
  {
    log_requests: z.boolean({ error: 'must be true or false' }).nullish(),
    log_requests_level: z
      .union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)], { error: 'must be 0, 1, 2 or 3' })
      .nullish(),
    log_requests_format: z.enum(['text', 'json'], { error: "must be 'text' or 'json'" }).nullish(),
    log_requests_target: z
      .array(z.string().min(1), { error: 'must be a list of stdout and folders' })
      .min(1, { error: 'must name stdout or a folder' })
      .nullish(),
    dump_requests_folder: text,
    dump_requests_threshold: z
      .int({ error: 'must be an integer' })
      .min(1, { error: 'must be at least 1' })
      .nullish(),
    crash_dump_folder: text,
  },
  { error: NOT_AN_OBJECT },
);

/** `/configure_logging`: what is logged and kept of requests, changed while the server runs. */
export function loggingRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/configure_logging',
      methods: ['get', 'post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Changes what is logged and kept of requests',
        body: schema,
        examples: {
          'Log ends of requests': { log_requests: true, log_requests_level: 0 },
          'Log no requests': { log_requests: false },
        },
        reply: 'nothing',
      },
      handler(req, res) {
        const body = parseBody(schema, req.body ?? {});
        manager.configureLogging({
          logRequests: body.log_requests ?? null,
          logRequestsLevel: body.log_requests_level ?? null,
          logRequestsFormat: body.log_requests_format ?? null,
          logRequestsTarget: body.log_requests_target ?? null,
          dumpRequestsFolder: body.dump_requests_folder ?? null,
          dumpRequestsThreshold: body.dump_requests_threshold ?? null,
          crashDumpFolder: body.crash_dump_folder ?? null,
        });
        const fields = Object.entries(body).map(([name, value]) => `${name}=${pythonRepr(value)}`);
        logger.info(`Config logging: obj=ConfigureLoggingReq(${fields.join(', ')})`);
        res.status(200).end();
      },
    },
  ];
}
