import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of package.json, from src/core as from dist/core, or wherever this was compiled to within it. */
const PACKAGE_ROOT = rootAbove(__dirname);

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}

/** The folder of package.json. */
export function packageRoot(): string {
  return PACKAGE_ROOT;
}

/** The version of this package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

const MODELS = join(PACKAGE_ROOT, 'models');

/** The checkpoint that is served when no model is named. */
export function bundledModelPath(): string {
  return join(MODELS, 'demo-chat');
}

/** The folder of a checkpoint that ships with this package, such as `demo-tools`; null where there is none of this name. */
export function shippedModelPath(name: string): string | null {
  const folder = join(MODELS, name);
  return /^[a-z0-9-]+$/.test(name) && existsSync(join(folder, 'config.json')) ? folder : null;
}
