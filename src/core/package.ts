import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of package.json, from src/core as from dist/core. */
const PACKAGE_ROOT = join(__dirname, '..', '..');

/** The version of this package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

/** The checkpoint that is served when no model is named. */
export function bundledModelPath(): string {
  return join(PACKAGE_ROOT, 'models', 'demo-chat');
}
