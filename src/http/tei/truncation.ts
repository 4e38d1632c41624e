import { z } from 'zod';
import { RequestError } from '../../core/errors';

/** What a request of Text Embeddings Inference says about texts that are too long. */
export const truncationFields = {
  truncate: z.boolean({ error: 'must be true or false' }).nullish(),
  truncation_direction: z
    .string({ error: 'must be a string' })
    .meta({ enum: ['Right', 'right'] })
    .nullish(),
};

/**
 * @returns see `EmbedRequest.truncate`
 * @throws RequestError `not_available` for texts that are to be cut at their beginning
 */
export function truncateOf({
  truncate,
  truncation_direction: direction,
}: z.output<z.ZodObject<typeof truncationFields>>): boolean | null {
  if (direction != null && direction.toLowerCase() !== 'right') {
    throw new RequestError(
      'not_available',
      `truncation_direction '${direction.slice(0, 16)}' is not available on this server: texts are cut at their end ('Right').`,
      'truncation_direction',
    );
  }
  return truncate ?? null;
}

/** @returns see `EmbedRequest.cutAt` */
export function cutAtOf(direction: string): 'end' | 'start' {
  switch (direction.toLowerCase()) {
    case 'right':
      return 'end';
    case 'left':
      return 'start';
    default:
      throw new RequestError(
        'bad_value',
        `truncation_direction must be 'Right' or 'Left', got '${direction.slice(0, 16)}'`,
        'truncation_direction',
      );
  }
}
