/** The devices a model can run on: the choices of `--device`. Each has a backend of its own, see `createBackend`. */
export const DEVICES = ['cpu', 'webgpu', 'cuda'] as const;

export type Device = (typeof DEVICES)[number];
