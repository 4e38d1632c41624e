import type { WeightSource } from '../../../src/model-runner/weights/checkpoint';

/** For graphs that have constants only. */
export const noWeights: WeightSource = {
  has: () => false,
  get: (name) => {
    throw new Error(`no weight ${name}`);
  },
  totalBytes: 0,
  files: [],
  close: () => undefined,
};
