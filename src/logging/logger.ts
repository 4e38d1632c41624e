import winston from 'winston';
import { env } from '../core/env';

/**
 * Runtime logs go to stderr, HTTP access lines to stdout, each as `[YYYY-MM-DD HH:MM:SS] text`: the form that
 * SGLang's users and their log parsers know. Colour-free; one process, one logger.
 */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** From all to next to nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;

const WINSTON_LEVELS = { critical: 0, error: 1, warning: 2, info: 3, debug: 4 } as const;

/** Local time as `YYYY-MM-DD HH:MM:SS`, with milliseconds when `SGLANG_LOG_MS` is true. */
export function timestamp(now = new Date(), withMs = env('SGLANG_LOG_MS')): string {
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const date = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}`;
  return withMs ? `${date} ${time}.${pad(now.getMilliseconds(), 3)}` : `${date} ${time}`;
}

/** What stands behind the time in each line of this process. */
let suffix = '';

const line = winston.format.printf(({ message }) => `[${timestamp()}${suffix}] ${String(message)}`);

function makeLogger(stream: NodeJS.WritableStream): winston.Logger {
  return winston.createLogger({
    levels: WINSTON_LEVELS,
    level: 'info',
    format: line,
    transports: [new winston.transports.Stream({ stream })],
  });
}

/** The runtime log of this process (stderr). */
export const logger = makeLogger(process.stderr);

/** The HTTP access log (stdout). */
export const accessLogger = makeLogger(process.stdout);

/**
 * Sets the levels once the flags are known.
 * @param level of the runtime log
 * @param httpLevel of the access log; defaults to `level`
 * @param name of this process where there are several of its kind, e.g. ` DP0`
 */
export function configureLogging(level: LogLevel, httpLevel: LogLevel | null = null, name = ''): void {
  suffix = name;
  logger.level = level;
  accessLogger.level = httpLevel ?? level;
}

const warned = new Set<string>();

/** Warns once per process and text, for notices that would repeat with every request. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  logger.log('warning', message);
}
