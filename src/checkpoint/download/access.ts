import * as fs from 'node:fs';
import * as path from 'node:path';
import type { EnvSource } from '../../core/env';
import { StartupError } from '../../core/errors';
import { expand, hubHome } from '../hub-cache';

/** How the hub is reached: the settings of its own clients, under their names. */
export interface HubAccess {
  /** Address without a slash at its end. */
  readonly endpoint: string;
  readonly token: HubToken | null;
  /** How long the hub may be silent, in milliseconds. */
  readonly timeoutMs: number;
  /** Wait before something is tried a second time, in milliseconds; it doubles each time. */
  readonly retryMs: number;
}

export interface HubToken {
  readonly value: string;
  /** The variable or file that it comes from. */
  readonly source: string;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const DEFAULT_TIMEOUT_S = 10;
const DEFAULT_RETRY_MS = 500;
/** What switches are turned on by, in any case. */
const ON: readonly (string | undefined)[] = ['1', 'ON', 'YES', 'TRUE'];
const TOKEN_VARIABLES = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'];

/** Whether the network is forbidden. */
export function isOffline(env: EnvSource): boolean {
  return isOn(env['HF_HUB_OFFLINE'] || env['TRANSFORMERS_OFFLINE']);
}

/** @throws StartupError naming the variable that is wrong */
export function readHubAccess(env: EnvSource, retryMs = DEFAULT_RETRY_MS): HubAccess {
  const seconds = Number(env['HF_HUB_DOWNLOAD_TIMEOUT'] || DEFAULT_TIMEOUT_S);
  if (!(seconds > 0)) throw new StartupError('HF_HUB_DOWNLOAD_TIMEOUT must be a number of seconds above 0.');
  return {
    endpoint: readEndpoint(env['HF_ENDPOINT']?.trim() || DEFAULT_ENDPOINT),
    token: isOn(env['HF_HUB_DISABLE_IMPLICIT_TOKEN']) ? null : readToken(env),
    timeoutMs: Math.min(seconds, 86_400) * 1000,
    retryMs,
  };
}

function isOn(value: string | undefined): boolean {
  return ON.includes(value?.trim().toUpperCase());
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.search === '' && url.hash === '';
  if (!isPlain || !['http:', 'https:'].includes(url.protocol)) {
    throw new StartupError(
      'HF_ENDPOINT must be an address such as https://huggingface.co, without a user or a query.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

function readToken(env: EnvSource): HubToken | null {
  for (const source of TOKEN_VARIABLES) {
    const value = env[source]?.trim() ?? '';
    if (value !== '') return checked(value, source);
  }
  const file = expand(env['HF_TOKEN_PATH'] || path.join(hubHome(env), 'token'), env);
  try {
    const value = fs.readFileSync(file, 'utf8').trim();
    return value === '' ? null : checked(value, file);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    return null; // Most have none. One that cannot be read is missed only where the hub asks for it.
  }
}

/** A token that is no header would be quoted in the error of whoever sends it. */
function checked(value: string, source: string): HubToken {
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new StartupError(`The token of ${source} must be one word of ASCII.`);
  return { value, source };
}
