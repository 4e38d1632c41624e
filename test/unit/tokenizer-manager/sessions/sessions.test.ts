import type { FinishReason } from '../../../../src/core/request';
import { logger } from '../../../../src/logging/logger';
import { continued } from '../../../../src/tokenizer-manager/sessions/place';
import type { SessionParams } from '../../../../src/tokenizer-manager/sessions/session-params';
import { Sessions, type OpenSession } from '../../../../src/tokenizer-manager/sessions/sessions';
import type { Turn } from '../../../../src/tokenizer-manager/sessions/turn';

const DONE: FinishReason = { type: 'stop', matched: 2 };
const ABORTED: FinishReason = { type: 'abort', message: 'Aborted', status_code: null };
const REFUSED: FinishReason = { type: 'abort', message: 'The request queue is full.', status_code: 503 };
const NO_ROOM = 'There is no room for more sessions: close some, or wait.';

function setUp(limits = { sessions: 3, tokens: 2000 }) {
  const clock = { now: 0 };
  const aborted: string[] = [];
  const client = new AbortController();
  const sessions = new Sessions(
    (rid) => aborted.push(rid),
    limits,
    () => clock.now,
  );
  const open = (given: Partial<OpenSession> = {}) =>
    sessions.open({ id: null, streaming: false, timeout: null, ...given });
  const find = (params: Partial<SessionParams> & { id: string }) =>
    sessions.find(
      { rid: null, offset: null, replace: false, dropPreviousOutput: false, ...params },
      client.signal,
    );
  const start = async (rid: string, params: Parameters<typeof find>[0], ids = [7]): Promise<Turn> => {
    const place = await find(params);
    return sessions.enter(place, [rid], continued(place, ids, null))[0] as Turn;
  };
  const run = async (rid: string, params: Parameters<typeof find>[0], ids = [7], output = [8, 9]) => {
    const turn = await start(rid, params, ids);
    turn.add(Int32Array.from(output), DONE);
  };
  const context = async (id: string, rid: string) => [...continued(await find({ id, rid }), [], null)];
  return { clock, aborted, client, sessions, open, find, start, run, context };
}

beforeEach(() => void jest.spyOn(logger, 'log').mockReturnValue(logger));
afterEach(() => jest.restoreAllMocks());

describe('open and close', () => {
  it('names are the client’s or drawn, and in use until closed', () => {
    const { open, sessions } = setUp();
    expect(open({ id: 'mine' })).toBe('mine');
    expect(open()).toMatch(/^[0-9a-f]{32}$/);
    const text = 'Failed to open the session. Check if a session with the same id is still open.';
    expect(() => open({ id: 'mine' })).toThrow(text);
    sessions.close('mine');
    sessions.close('mine');
    expect(open({ id: 'mine' })).toBe('mine');
  });

  it('a closed session is unknown, also to what was on its way into it', async () => {
    const { open, find, run, sessions } = setUp();
    const id = open();
    await run('a', { id });
    const place = await find({ id, rid: 'a' });
    sessions.close(id);
    const text = `Invalid request: session id ${id} does not exist`;
    expect(() => sessions.enter(place, ['b'], Int32Array.of(1))).toThrow(text);
    await expect(find({ id })).rejects.toThrow(text);
    // Another of its name is not the same one.
    open({ id });
    expect(() => sessions.enter(place, ['b'], Int32Array.of(1))).toThrow(text);
  });

  it('one that is idle for too long is closed, not one that is busy', async () => {
    const { clock, open, start, find } = setUp();
    const id = open({ timeout: 2 });
    clock.now = 1900;
    const turn = await start('a', { id });
    clock.now = 60_000;
    await find({ id });
    turn.add(Int32Array.of(1), DONE);
    clock.now = 61_900;
    await find({ id, rid: 'a' });
    clock.now = 62_100;
    await expect(find({ id })).rejects.toThrow('does not exist');
  });
});

describe('room', () => {
  it('is made by closing the session that was idle the longest', async () => {
    const { clock, open, run, find } = setUp();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => open({ id })) as [string, string, string];
    clock.now = 10;
    await run('r', { id: a });
    clock.now = 20;
    open({ id: 'd' });
    await expect(find({ id: b })).rejects.toThrow('does not exist');
    for (const id of [a, c, 'd']) await find({ id });
  });

  it('is never made by closing one that is busy', async () => {
    const { open, start } = setUp();
    for (const id of ['a', 'b', 'c']) await start('r', { id: open({ id }) });
    expect(() => open()).toThrow(NO_ROOM);
  });

  it('is bounded in tokens too: others go first, and nobody grows without end', async () => {
    const { open, run, find } = setUp({ sessions: 9, tokens: 2000 });
    const [a, b] = [open(), open()];
    await run('r', { id: a }, Array(1500).fill(1) as number[]);
    await run('r', { id: b }, Array(1500).fill(1) as number[]);
    await run('s', { id: b });
    await expect(find({ id: a })).rejects.toThrow('does not exist');
    await run('t', { id: b }, Array(500).fill(1) as number[]);
    await expect(run('u', { id: b })).rejects.toThrow(NO_ROOM);
  });

  it('is not taken by outputs of what was replaced', async () => {
    const { open, start, run, find } = setUp();
    const id = open();
    const old = await start('old', { id });
    await run('new', { id, replace: true });
    const { session } = await find({ id });
    const before = session.size;
    old.add(Int32Array.of(1, 2, 3), null);
    old.add(Int32Array.of(4), ABORTED);
    expect(session.size).toBe(before);
    expect(session.idleSince).toBe(0);
  });
});

describe('going on', () => {
  it('takes prompt and output, and of its own text no beginning of sequence', async () => {
    const { open, run, find } = setUp();
    const id = open();
    const first = await find({ id });
    expect([...continued(first, [1, 5], 1)]).toEqual([1, 5]);
    await run('a', { id }, [1, 5], [6, 2]);
    const place = await find({ id, rid: 'a' });
    expect([...continued(place, [1, 7], 1)]).toEqual([1, 5, 6, 2, 7]);
    expect([...continued(place, [1, 7], null)]).toEqual([1, 5, 6, 2, 1, 7]);
    const dropped = await find({ id, rid: 'a', dropPreviousOutput: true, offset: -1 });
    expect([...continued(dropped, [1, 7], 1)]).toEqual([1, 7]);
  });

  it('branches without harm to what was there', async () => {
    const { open, run, context } = setUp();
    const id = open();
    await run('root', { id }, [1], [2]);
    await run('left', { id, rid: 'root' }, [3], [4]);
    await run('right', { id, rid: 'root' }, [5], [6]);
    await run('lower', { id, rid: 'left', offset: 3 }, [7], [8]);
    expect(await context(id, 'lower')).toEqual([1, 2, 3, 7, 8]);
    expect(await context(id, 'right')).toEqual([1, 2, 5, 6]);
    expect(await context(id, 'left')).toEqual([1, 2, 3, 4]);
  });

  it('from a request that runs is refused, unless it is replaced: then that ends first', async () => {
    const { open, start, find, aborted, context } = setUp();
    const id = open();
    const turn = await start('a', { id }, [1]);
    turn.add(Int32Array.of(2, 3), null);
    await expect(find({ id, rid: 'a' })).rejects.toThrow(
      "Session request is appending to a request that hasn't finished.",
    );
    expect(aborted).toEqual([]);
    const place = find({ id, rid: 'a', replace: true, offset: 3 });
    expect(aborted).toEqual(['a']);
    turn.add(Int32Array.of(4), ABORTED);
    expect([...continued(await place, [9], null)]).toEqual([1, 2, 3, 9]);
    expect(await context(id, 'a')).toEqual([1, 2, 3, 4]);
  });

  it('waits for no client that has left', async () => {
    const { open, start, find, client } = setUp();
    const id = open();
    await start('a', { id });
    const place = find({ id, rid: 'a', replace: true });
    client.abort();
    await expect(place).rejects.toThrow('Request is disconnected from the client side.');
    await expect(find({ id, rid: 'a', replace: true })).rejects.toThrow('disconnected');
  });

  it('replaces what went on from a request, and ends what runs of it', async () => {
    const { open, run, start, aborted, context } = setUp();
    const id = open();
    await run('root', { id }, [1], [2]);
    await run('b', { id, rid: 'root' });
    await start('c', { id, rid: 'b' });
    await start('d', { id, rid: 'root' });
    await run('e', { id, rid: 'root', replace: true }, [3], [4]);
    expect(aborted.sort()).toEqual(['c', 'd']);
    for (const rid of ['b', 'c', 'd']) {
      await expect(context(id, rid)).rejects.toThrow('Invalid request session id');
    }
    expect(await context(id, 'e')).toEqual([1, 2, 3, 4]);
    // From nothing: everything.
    await run('f', { id, replace: true }, [5], [6]);
    await expect(context(id, 'root')).rejects.toThrow('Invalid request session id');
    expect(await context(id, 'f')).toEqual([5, 6]);
  });

  it('is the last one’s where several replace at once', async () => {
    const { open, run, start, find, sessions, aborted, context } = setUp();
    const id = open();
    const turn = await start('a', { id }, [1]);
    const params = { id, rid: 'a', replace: true };
    const places = Promise.all([find(params), find(params)]);
    turn.add(Int32Array.of(2), ABORTED);
    const [one, other] = await places;
    sessions.enter(one, ['b'], Int32Array.of(1, 2, 3));
    const [last] = sessions.enter(other, ['c'], Int32Array.of(1, 2, 4));
    expect(aborted).toEqual(['a', 'a', 'b']);
    last?.add(Int32Array.of(5), DONE);
    expect(await context(id, 'c')).toEqual([1, 2, 4, 5]);
    await expect(run('d', { id, rid: 'b' })).rejects.toThrow('the session has no request b');
  });

  it('from what was replaced meanwhile is refused', async () => {
    const { open, run, find, sessions } = setUp();
    const id = open();
    await run('root', { id });
    await run('b', { id, rid: 'root' });
    const place = await find({ id, rid: 'b' });
    await run('c', { id, rid: 'root', replace: true });
    expect(() => sessions.enter(place, ['d'], Int32Array.of(1))).toThrow('the session has no request b');
    await run('b', { id, rid: 'c' });
    expect(() => sessions.enter(place, ['d'], Int32Array.of(1))).toThrow('went on with another request');
  });

  it('is possible from what was cut off, not from what never ran', async () => {
    const { open, start, context } = setUp();
    const id = open();
    (await start('cut', { id }, [1])).add(Int32Array.of(2), ABORTED);
    (await start('waited', { id }, [3])).add(Int32Array.of(), ABORTED);
    (await start('refused', { id }, [4])).add(Int32Array.of(), REFUSED);
    expect(await context(id, 'cut')).toEqual([1, 2]);
    expect(await context(id, 'waited')).toEqual([3]);
    await expect(context(id, 'refused')).rejects.toThrow('Invalid request session id');
  });
});

describe('a streaming session', () => {
  const streaming = true;

  it('goes on from the last request that succeeded, whatever it is called', async () => {
    const { open, run, find, start } = setUp();
    const id = open({ streaming });
    await run('a', { id }, [1], [2]);
    await run('a', { id, rid: 'nobody' }, [3], [4]);
    (await start('b', { id }, [5])).add(Int32Array.of(6), ABORTED);
    expect([...continued(await find({ id }), [7], null)]).toEqual([1, 2, 3, 4, 7]);
  });

  it('takes one request at a time, and nothing but what comes next', async () => {
    const { open, start, find, sessions } = setUp();
    const id = open({ streaming });
    const place = await find({ id });
    expect(() => sessions.enter(place, ['a', 'b'], Int32Array.of(1))).toThrow('do not support n > 1');
    const turn = await start('a', { id });
    expect(() => sessions.enter(place, ['b'], Int32Array.of(1))).toThrow('already has an active request');
    await expect(find({ id })).rejects.toThrow('Streaming session already has an active request.');
    turn.add(Int32Array.of(1), DONE);
    await expect(find({ id, replace: true })).rejects.toThrow('Streaming sessions do not support replace.');
    await expect(find({ id, offset: -1 })).rejects.toThrow('Streaming sessions do not support offset.');
    await expect(find({ id, dropPreviousOutput: true })).rejects.toThrow(
      'Streaming sessions do not support drop_previous_output.',
    );
    await find({ id, offset: 0 });
  });
});
