import { z } from 'zod';
import { MEMORY_TAGS, type MemoryTag } from '../../ipc/messages';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

const schema = z.object(
  {
    tags: z
      .array(z.enum(MEMORY_TAGS, { error: `must be one of ${MEMORY_TAGS.join(', ')}` }), {
        error: `must be a list of ${MEMORY_TAGS.join(', ')}`,
      })
      .nullish(),
  },
  { error: NOT_AN_OBJECT },
);

/** `/release_memory_occupation` and `/resume_memory_occupation`: memory lent to others while nothing runs. */
export function memoryRoutes({ manager }: AppDeps): RouteSpec[] {
  const route = (
    path: string,
    summary: string,
    work: (tags: readonly MemoryTag[]) => Promise<void>,
  ): RouteSpec => ({
    path,
    methods: ['get', 'post'],
    level: 'admin_optional',
    body: 'json',
    about: {
      area: 'Operators',
      summary,
      body: schema,
      examples: { Everything: {}, 'Keys and values alone': { tags: ['kv_cache'] } },
    },
    async handler(req, res) {
      await work(parseMemoryBody(req.body));
      res.json(null);
    },
  });
  return [
    route(
      '/release_memory_occupation',
      'Gives memory back to the system while nothing runs; requests are refused until it is resumed',
      (tags) => manager.weights.release(tags),
    ),
    route('/resume_memory_occupation', 'Takes the memory again; weights are read from disk', (tags) =>
      manager.weights.resume(tags),
    ),
  ];
}

/** The tags of a body; all where it says nothing. @throws RequestError as `parseBody` */
export function parseMemoryBody(value: unknown): readonly MemoryTag[] {
  const { tags } = parseBody(schema, value ?? {});
  return tags ?? MEMORY_TAGS;
}
