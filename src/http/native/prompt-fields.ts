import { z } from 'zod';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';

/** How bodies give one prompt or several: as texts, or as token ids. */

export const strings = z
  .custom<string | string[]>((value) => typeof value === 'string' || isStringList(value), {
    error: 'must be a string or a list of strings',
  })
  .nullish();

export const ids = z
  .custom<number[] | number[][]>((value) => isIntegerList(value) || isIntegerLists(value), {
    error: 'must be a list of integers or a list of lists of integers',
  })
  .nullish();
