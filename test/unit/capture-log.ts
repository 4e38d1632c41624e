import { logger } from '../../src/logging/logger';

/**
 * Collects what is logged instead of printing it, until jest.restoreAllMocks().
 * @param say what is kept of an entry; by default its message
 * @returns a list that grows as entries arrive
 */
export function captureLog(say = (_level: string, message: string) => message): string[] {
  const lines: string[] = [];
  jest.spyOn(logger, 'log').mockImplementation((...entry: unknown[]) => {
    lines.push(say(String(entry[0]), String(entry[1])));
    return logger;
  });
  return lines;
}
