import { z } from 'zod';
import { logger } from '../../logging/logger';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

/** What SGLang's profilers can be told and those here cannot: the same is recorded whatever they say. */
const WITHOUT_EFFECT = [
  'start_step',
  'activities',
  'profile_by_stage',
  'with_stack',
  'record_shapes',
  'merge_profiles',
  'profile_stages',
  'profile_id',
] as const;

const anything = z.unknown().optional();

const startSchema = z.object(
  {
    output_dir: z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' }).nullish(),
    num_steps: z.int({ error: 'must be an integer' }).min(1, { error: 'must be at least 1' }).nullish(),
    profile_prefix: z
      .string({ error: 'must be a string' })
      .regex(/^[\w-][\w.-]{0,63}$/, { error: 'must be up to 64 letters, digits and _ . -' })
      .nullish(),
    activities: z
      .array(z.enum(['CPU', 'GPU', 'MEM', 'RPD', 'CUDA_PROFILER']), {
        error: 'must be a list of CPU, GPU, MEM, RPD and CUDA_PROFILER',
      })
      .nullish(),
    start_step: anything,
    profile_by_stage: anything,
    with_stack: anything,
    record_shapes: anything,
    merge_profiles: anything,
    profile_stages: anything,
    profile_id: anything,
  },
  { error: NOT_AN_OBJECT },
);
const noFields = z.object({}, { error: NOT_AN_OBJECT });

/** `/start_profile` and `/stop_profile`. */
export function profileRoutes({ profiler }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/start_profile',
      methods: ['get', 'post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Begins to record profiles of all processes',
        body: startSchema,
        examples: { 'Until /stop_profile': {} },
        reply: 'text',
      },
      async handler(req, res) {
        const body = parseBody(startSchema, req.body ?? {});
        await profiler.start({
          outputDir: body.output_dir ?? null,
          prefix: body.profile_prefix ?? null,
          steps: body.num_steps ?? null,
        });
        const ignored = WITHOUT_EFFECT.filter((name) => (body[name] ?? null) !== null);
        if (ignored.length > 0) {
          logger.info(
            `/start_profile: ${ignored.join(', ')} without effect: everything is recorded, from now on.`,
          );
        }
        res.type('text/plain').send('Start profiling.\n');
      },
    },
    {
      path: '/stop_profile',
      methods: ['get', 'post'],
      level: 'admin_optional',
      body: 'json',
      about: {
        area: 'Operators',
        summary: 'Ends the recording and writes the files',
        body: noFields,
        examples: { Stop: {} },
        reply: 'text',
      },
      async handler(req, res) {
        parseBody(noFields, req.body ?? {});
        await profiler.stop();
        res.type('text/plain').send('Stop profiling. This will take some time.\n');
      },
    },
  ];
}
