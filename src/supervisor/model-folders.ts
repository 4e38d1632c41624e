import { StartupError, errorMessage } from '../core/errors';
import { logger } from '../logging/logger';
import { hubCacheDir, resolveModelDir, type HubOptions } from '../model-runner/weights/hub';
import type { ServerArgs } from '../server-args';
import type { ChildInit } from './protocol';

/**
 * Finds the folders of the model and of its tokenizer, once for all processes.
 * @throws StartupError naming the one that is missing and where it was looked for
 */
export function findModelFolders(
  args: Pick<ServerArgs, 'modelPath' | 'tokenizerPath' | 'revision' | 'downloadDir'>,
): Pick<ChildInit, 'modelDir' | 'tokenizerDir'> {
  const options: HubOptions = { revision: args.revision, downloadDir: args.downloadDir, env: process.env };
  const modelDir = find(args.modelPath, options);
  const tokenizerDir = args.tokenizerPath === args.modelPath ? modelDir : find(args.tokenizerPath, options);
  return { modelDir, tokenizerDir };
}

function find(path: string, options: HubOptions): string {
  try {
    const { dir, snapshot } = resolveModelDir(path, options);
    if (snapshot) logger.log('info', `Found local HF snapshot for ${path} at ${dir}; skipping download.`);
    return dir;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    throw new StartupError(
      `${errorMessage(error)} It is neither a folder nor in the Hugging Face cache ${hubCacheDir(options)}; ` +
        'models are not downloaded by the server.',
    );
  }
}
