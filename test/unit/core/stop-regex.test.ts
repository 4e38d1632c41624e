import { RequestError } from '../../../src/core/errors';
import { compileStopRegex } from '../../../src/core/stop-regex';

const refusal = (source: string): RequestError => {
  try {
    compileStopRegex(source);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error(`${source} compiles`);
};

describe('compileStopRegex', () => {
  it('keeps the source as the client wrote it', () => {
    expect(compileStopRegex('\\u4e2d\\Z').source).toBe('\\u4e2d\\Z');
  });

  it.each(['(', '[a', 'a**', '(?=a)b', '(?<!a)b', '(a)\\1', '\\p{Nonsense}', 'a{2,1}'])(
    'refuses %s',
    (source) => {
      const error = refusal(source);
      expect(error.code).toBe('bad_value');
      expect(error.message).toContain(`stop_regex ${JSON.stringify(source)} cannot be used: `);
    },
  );

  it('refuses what would cost too much', () => {
    expect(refusal('a{900}|b{900}|c{900}').message).toMatch(/ is too large$/);
    expect(refusal(`(${'ab'.repeat(4000)})`).message).toMatch(/ is longer than 4096 characters$/);
    expect(refusal(`(${'ab'.repeat(4000)})`).message.length).toBeLessThan(200);
  });
});
