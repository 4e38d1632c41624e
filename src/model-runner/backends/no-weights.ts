import type { WeightSource } from '../../checkpoint/checkpoint';
import { bug } from '../../core/errors';

/** For graphs that have constants only. */
export const NO_WEIGHTS: WeightSource = {
  files: [],
  get: (name) => {
    throw bug(`a weight ${name} was asked for by a graph that has none`);
  },
  close: () => undefined,
};
