import type { WeightSource } from '../../../src/checkpoint/checkpoint';

/** For graphs that have constants only. */
export const noWeights: WeightSource = {
  get: (name) => {
    throw new Error(`no weight ${name}`);
  },
  files: [],
  close: () => undefined,
};
