import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { obtainModel } from '../../../src/checkpoint/hub';
import { readModelJson } from '../../../src/checkpoint/model-files';
import { RepositoryNotFound } from '../../../src/checkpoint/repository-not-found';
import { captureLog } from '../capture-log';
import { COMMIT, gitSha, json, LoopbackHub, refuse, sha256, type Files } from '../../loopback-hub';
import { Folders } from './folders';

/** Calls that the file system does not know. */
const mockMissing = new Set<string>();

jest.mock('node:fs/promises', () => {
  const real = jest.requireActual<typeof fs.promises>('node:fs/promises');
  const call = (name: 'symlink' | 'link') => async (from: string, to: string) => {
    if (mockMissing.has(name))
      throw Object.assign(new Error('not permitted'), { code: 'EPERM', syscall: name });
    await real[name](from, to);
  };
  return { ...real, symlink: call('symlink'), link: call('link') };
});

const NEEDS = { config: true, weights: true, tokenizer: true };
const weights = Buffer.alloc(300_000, 'weights of a model ');
const MODEL: Files = {
  'config.json': '{"model_type":"x"}',
  'tokenizer.json': '{}',
  'tokenizer_config.json': '{}',
  'model.safetensors': weights,
  'modeling_x.py': 'import os',
  'pytorch_model.bin': 'pickle',
  'README.md': '# X',
  'onnx/config.json': '{}',
  'modules.json': '[{"path":""},{"path":"1_Pooling"},{"path":"2_Normalize"}]',
  '1_Pooling/config.json': '{"pooling_mode_mean_tokens":true}',
  '1_Pooling/code.py': 'import os',
  'additional_chat_templates/tool_use.jinja': '{{ x }}',
};
const SHARDS: Files = {
  'config.json': '{}',
  'tokenizer.json': '{}',
  'consolidated.safetensors': 'another form',
  'model-00001-of-00002.safetensors': 'first',
  'model-00002-of-00002.safetensors': 'second',
  'model.safetensors.index.json': JSON.stringify({
    weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
  }),
};

const folders = new Folders();
let hub: LoopbackHub;
let cache: string;
let lines: string[];
const aborts = new AbortController();

beforeEach(async () => {
  hub = await LoopbackHub.start({ 'org/model': MODEL, 'org/shards': SHARDS });
  cache = folders.create();
  lines = captureLog();
});
afterEach(() => {
  hub.close();
  mockMissing.clear();
  jest.restoreAllMocks();
});
afterAll(() => folders.removeAll());

function obtain(
  repo: string,
  {
    env = {},
    revision = null,
    signal = aborts.signal,
  }: { env?: object; revision?: string | null; signal?: AbortSignal } = {},
): Promise<string> {
  const all = { HF_ENDPOINT: hub.endpoint, HF_HOME: path.join(cache, 'home'), ...env };
  return obtainModel(repo, NEEDS, { revision, downloadDir: cache, env: all, retryMs: 10 }, signal);
}

/** All files of a folder, links not followed. */
function list(dir: string): string[] {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .sort();
}

const repo = () => path.join(cache, 'models--org--model');
const part = () => path.join(repo(), 'blobs', `${sha256(weights)}.incomplete`);

function leavePart(content: Buffer | string): void {
  fs.mkdirSync(path.dirname(part()), { recursive: true });
  fs.writeFileSync(part(), content);
}

/** Answers requests for the weights' content. */
function onWeights(answer: (nth: number, ...args: Parameters<LoopbackHub['answer']>) => boolean): void {
  let nth = 0;
  hub.answer = (req, res, seen) =>
    req.method === 'GET' && req.headers.host === new URL(hub.cdnUrl).host && answer(++nth, req, res, seen);
}

describe('what comes', () => {
  test('is what is needed, in the layout of the cache', async () => {
    const dir = await obtain('org/model');
    expect(dir).toBe(path.join(repo(), 'snapshots', COMMIT));
    expect(list(dir)).toEqual([
      '1_Pooling/config.json',
      'additional_chat_templates/tool_use.jinja',
      'config.json',
      'model.safetensors',
      'modules.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(fs.readlinkSync(path.join(dir, 'model.safetensors'))).toBe(`../../blobs/${sha256(weights)}`);
    expect(fs.readlinkSync(path.join(dir, '1_Pooling/config.json'))).toBe(
      `../../../blobs/${gitSha(String(MODEL['1_Pooling/config.json']))}`,
    );
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
    expect(readModelJson(dir, 'config.json')).toEqual({ model_type: 'x' });
    expect(fs.readFileSync(path.join(repo(), 'refs/main'), 'utf8')).toBe(COMMIT);
    expect(list(cache).filter((file) => /incomplete|tmp/.test(file))).toEqual([]);
    expect(lines[0]).toBe(`Downloading org/model (main, commit ${COMMIT}) from ${hub.endpoint} to ${cache}`);
    expect(lines.at(-1)).toMatch(/^Downloaded org\/model: 7 files, 300\.\d kB, in \d+\.\d s$/);
    hub.seen.length = 0;
    expect(await obtain('org/model')).toBe(dir);
    expect(hub.seen).toEqual([]);
  });

  test('are the shards that the index names', async () => {
    const dir = await obtain('org/shards');
    expect(list(dir)).toEqual(
      Object.keys(SHARDS)
        .filter((name) => !name.startsWith('consolidated'))
        .sort(),
    );
  });

  test.each([COMMIT, 'refs/pr/1'])('revision %s', async (revision) => {
    const dir = await obtain('org/model', { revision });
    expect(dir).toBe(path.join(repo(), 'snapshots', COMMIT));
    expect(list(repo()).filter((name) => name.startsWith('refs'))).toEqual(
      revision === COMMIT ? [] : ['refs/refs/pr/1'],
    );
    hub.seen.length = 0;
    expect(await obtain('org/model', { revision })).toBe(dir);
    expect(hub.seen).toEqual([]);
  });

  test('completes a snapshot that has the tokenizer alone', async () => {
    const dir = path.join(repo(), 'snapshots', COMMIT);
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(path.join(dir, 'tokenizer.json'), '{}');
    fs.mkdirSync(path.join(repo(), 'refs'));
    fs.writeFileSync(path.join(repo(), 'refs/main'), COMMIT);
    expect(await obtain('org/model')).toBe(dir);
    expect(fs.existsSync(path.join(dir, 'model.safetensors'))).toBe(true);
  });

  test.each([
    { links: 'hard links only', missing: ['symlink'], blobs: 6 },
    { links: 'no links', missing: ['symlink', 'link'], blobs: 0 },
  ])('stands in the snapshot itself where the file system has $links', async ({ missing, blobs }) => {
    missing.forEach((call) => mockMissing.add(call));
    const dir = await obtain('org/model');
    expect(list(dir)).toHaveLength(7);
    expect(list(path.join(repo(), 'blobs'))).toHaveLength(blobs);
    expect(fs.lstatSync(path.join(dir, 'model.safetensors')).isFile()).toBe(true);
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
    // Two of one content, which was one blob.
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      expect(fs.readFileSync(path.join(dir, name), 'utf8')).toBe('{}');
    expect(lines.filter((line) => line.includes('without links'))).toHaveLength(blobs === 0 ? 1 : 0);
    const asked = hub.seen.length;
    expect(await obtain('org/model')).toBe(dir);
    expect(hub.seen).toHaveLength(asked);
  });

  test('a hub that names its files only is enough', async () => {
    hub.answer = (req, res) => {
      if (!req.url?.includes('/tree/')) return false;
      refuse(res, 404);
      return true;
    };
    expect(list(await obtain('org/model'))).toContain('model.safetensors');
  });

  test('two processes that want the same bring it once', async () => {
    const dirs = await Promise.all([obtain('org/model'), obtain('org/model')]);
    expect(dirs[0]).toBe(dirs[1]);
    expect(hub.gets('model.safetensors').filter(({ host }) => host === 'cdn')).toHaveLength(1);
    expect(fs.readFileSync(path.join(dirs[0], 'model.safetensors'))).toEqual(weights);
  });

  test('waits for a process that holds the lock of the file, however that ends', async () => {
    const lock = path.join(cache, '.locks/models--org--model', `${sha256(weights)}.lock`);
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    const holder = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 60']);
    await once(holder.stdout, 'data');
    const dir = obtain('org/model');
    while (!lines.some((line) => line.includes('by another process'))) await new Promise(setImmediate);
    expect(hub.gets('model.safetensors')).toEqual([]);
    process.kill(holder.pid ?? 0, 'SIGKILL');
    await dir;
  });
});

describe('a transfer that breaks off', () => {
  test('goes on where it was, as often as it gets further', async () => {
    onWeights((nth, req, res) => {
      if (nth > 7) return false;
      const from = Number(/\d+/.exec(req.headers.range ?? '0')?.[0]);
      res.writeHead(from > 0 ? 206 : 200, {
        'content-length': weights.length - from,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${weights.length - 1}/${weights.length}` } : {}),
      });
      res.write(weights.subarray(from, from + 20_000), () => setTimeout(() => res.destroy(), 20));
      return true;
    });
    const dir = await obtain('org/model');
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
    expect(
      hub
        .gets('model.safetensors')
        .filter(({ host }) => host === 'cdn')
        .map(({ headers }) => headers.range),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => (n === 0 ? undefined : `bytes=${20_000 * n}-`)));
  });

  test('a part of an earlier start is gone on from', async () => {
    leavePart(weights.subarray(0, 123_456));
    const dir = await obtain('org/model');
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
    expect(hub.gets('model.safetensors').at(-1)?.headers.range).toBe('bytes=123456-');
    expect(lines).toContain("Going on with 'model.safetensors' at byte 123456.");
  });

  test.each<[string, Buffer]>([
    ['is not its beginning', Buffer.alloc(1000, 'x')],
    ['is too long', Buffer.alloc(400_000, 'x')],
    ['is as long as the whole', Buffer.alloc(weights.length, 'x')],
  ])('a part that %s is thrown away', async (_name, content) => {
    leavePart(content);
    const dir = await obtain('org/model');
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
  });

  test('a whole part needs no transfer', async () => {
    leavePart(weights);
    const dir = await obtain('org/model');
    expect(hub.gets('model.safetensors')).toEqual([]);
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
  });

  test('hosts that know no ranges send all anew', async () => {
    leavePart(weights.subarray(0, 1000));
    onWeights((_nth, _req, res) => {
      res.end(weights);
      return true;
    });
    const dir = await obtain('org/model');
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
  });

  test('silence is no transfer', async () => {
    onWeights((nth, _req, res) => {
      if (nth > 1) return false;
      res.writeHead(200, { 'content-length': weights.length }).write(weights.subarray(0, 5000));
      return true;
    });
    const dir = await obtain('org/model', { env: { HF_HUB_DOWNLOAD_TIMEOUT: '0.3' } });
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(weights);
    expect(lines.join()).toContain('silent for 0.3 s, see HF_HUB_DOWNLOAD_TIMEOUT');
  });

  test('one that never gets on fails, and the part stays', async () => {
    leavePart(weights.subarray(0, 1000));
    onWeights((_nth, _req, res) => {
      res.destroy();
      return true;
    });
    const error = await obtain('org/model').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toMatch(
      /'model.safetensors' could not be received to the end \(.+\)\. What is there is kept/,
    );
    expect(fs.readFileSync(part())).toEqual(weights.subarray(0, 1000));
    expect(fs.existsSync(path.join(repo(), 'refs'))).toBe(false);
  });

  test('one that somebody ends is over at once, and the part stays', async () => {
    const stop = new AbortController();
    onWeights((_nth, _req, res) => {
      res.writeHead(200, { 'content-length': weights.length }).write(weights.subarray(0, 5000));
      return true;
    });
    const dir = obtain('org/model', { signal: stop.signal });
    while (!fs.existsSync(part()) || fs.statSync(part()).size < 5000)
      await new Promise((done) => setTimeout(done, 10));
    const begin = performance.now();
    stop.abort(new Error('Ctrl-C'));
    await expect(dir).rejects.toThrow('Ctrl-C');
    expect(performance.now() - begin).toBeLessThan(500);
    expect(fs.readFileSync(part())).toEqual(weights.subarray(0, 5000));
    hub.answer = () => false;
    await obtain('org/model');
    expect(hub.gets('model.safetensors').at(-1)?.headers.range).toBe('bytes=5000-');
  });
});

describe('what is not what the hub says', () => {
  const answerWith = (content: Buffer) =>
    onWeights((_nth, _req, res) => {
      res.end(content);
      return true;
    });

  test.each<[string, Buffer, string]>([
    ['of another content', Buffer.alloc(weights.length, 'x'), 'its SHA-256 is '],
    ['too long', Buffer.concat([weights, weights]), `should have ${weights.length}`],
  ])('weights %s', async (_name, content, fault) => {
    answerWith(content);
    await expect(obtain('org/model')).rejects.toThrow(fault);
    expect(list(repo()).filter((file) => file.includes(sha256(weights)))).toEqual([]);
    expect(fs.existsSync(path.join(repo(), 'snapshots'))).toBe(false);
  });

  test('files inside the repository have the sum of git, or one of the content', async () => {
    const config = Buffer.from('{"model_type":"y"}');
    hub.answer = (req, res) => {
      if (req.method === 'GET' && req.url?.endsWith('/config.json') === true) res.end(config);
      else return false;
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow(`its SHA-1 is ${gitSha(config)}`);
  });

  test.each([
    ['../../../outside.json', 'tree'],
    ['/etc/passwd', 'tree'],
    ['a\\..\\b', 'tree'],
  ])('a file %j', async (name) => {
    hub.answer = (req, res) => {
      if (!req.url?.includes('/tree/')) return false;
      json(res, [{ type: 'file', path: name, size: 1, oid: COMMIT }]);
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow('which is not a name inside the folder');
    expect(list(cache)).toEqual([]);
  });

  test('an index that names what is elsewhere', async () => {
    hub.close();
    const index = JSON.stringify({ weight_map: { a: '../../x.safetensors' } });
    hub = await LoopbackHub.start({ 'org/shards': { ...SHARDS, 'model.safetensors.index.json': index } });
    await expect(obtain('org/shards')).rejects.toThrow(
      "names a file '../../x.safetensors', which the repository does not have",
    );
  });

  test.each(['../../x', '..', '.', ''])('a tag %j leads nowhere', async (tag) => {
    hub.answer = (req, res) => {
      if (req.method !== 'HEAD') return false;
      res.writeHead(200, { etag: `"${tag}"` }).end();
      return true;
    };
    const dir = await obtain('org/model').catch((error: Error) => error.message);
    expect(list(cache).filter((file) => !/^(models--org--model|\.locks)\//.test(file))).toEqual([]);
    if (tag !== '../../x') expect(dir).toContain('no ETag');
  });

  test.each<[unknown, string]>([
    ['../../..', "says '../../..' where a commit is expected"],
    [{}, "says '{}' where a commit is expected"],
  ])('a commit %j', async (sha, text) => {
    hub.answer = (_req, res) => {
      json(res, { sha, siblings: [] });
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow(text);
  });

  test('a list of which every page names another', async () => {
    hub.answer = (req, res) => {
      if (!req.url?.includes('/tree/')) return false;
      res.setHeader('link', `<${hub.endpoint}${req.url}>; rel="next"`);
      json(res, []);
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow("org/model: the hub's list of files is too long.");
    expect(list(cache)).toEqual([]);
  });

  test("an answer that is no hub's", async () => {
    hub.answer = (_req, res) => {
      res.end('<html>');
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow('does not answer as a hub does');
  });
});

describe('redirects', () => {
  test('the token goes to the hub and nowhere else', async () => {
    hub.isPrivate = true;
    await obtain('org/model', { env: { HF_TOKEN: 'secret' } });
    const tokens = (host: string) => [
      ...new Set(hub.seen.filter((seen) => seen.host === host).map(({ headers }) => headers.authorization)),
    ];
    expect(tokens('hub')).toEqual(['Bearer secret']);
    expect(tokens('cdn')).toEqual([undefined]);
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'http://user:password@127.0.0.1/x', 'http://'])(
    'to %s are not followed',
    async (location) => {
      hub.answer = (req, res) => {
        if (req.method !== 'GET' || !req.url?.includes('/resolve/')) return false;
        res.writeHead(302, { location }).end();
        return true;
      };
      await expect(obtain('org/model')).rejects.toThrow('which is not followed');
    },
  );

  test('without a tag are followed to the host that has one, without the token', async () => {
    hub.answer = (req, res) => {
      if (req.method !== 'HEAD') return false;
      if (req.headers.host === new URL(hub.cdnUrl).host || !req.url?.endsWith('tokenizer.json')) return false;
      res.writeHead(302, { location: `${hub.cdnUrl}/org/model/tokenizer.json` }).end();
      return true;
    };
    const dir = await obtain('org/model', { env: { HF_TOKEN: 'secret' } });
    expect(readModelJson(dir, 'tokenizer.json')).toEqual({});
    const heads = hub.seen.filter(({ host, method }) => host === 'cdn' && method === 'HEAD');
    expect(heads.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/org/model/tokenizer.json', undefined],
    ]);
  });

  test('without end are given up', async () => {
    hub.answer = (req, res) => {
      res.writeHead(302, { location: req.url }).end();
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow('redirects without end');
  });
});

describe('refusals', () => {
  const refuseAll = (status: number, code?: string, headers: Record<string, string> = {}) => {
    hub.answer = (_req, res) => {
      refuse(res, status, code, headers);
      return true;
    };
  };

  test.each<[number, string | undefined, string | undefined, RegExp]>([
    [401, undefined, 'wrong', /refuses the token of HF_TOKEN \(401\)\. Set HF_TOKEN/],
    [
      401,
      'GatedRepo',
      undefined,
      /does not allow the download \(401\)\. Ask for access at .*\/org\/model, and set HF_TOKEN/,
    ],
    [403, 'GatedRepo', 'mine', /does not allow the download \(403\).*; the one of HF_TOKEN has not/],
    [403, undefined, undefined, /does not allow the download \(403\)/],
    [404, 'RevisionNotFound', undefined, /has no revision 'main' \(404\)\. --revision takes/],
    [418, undefined, undefined, /refuses the request \(418\)/],
  ])('%d %s with the token %s', async (status, code, token, text) => {
    refuseAll(status, code);
    const env = token === undefined ? {} : { HF_TOKEN: token };
    const error = await obtain('org/model', { env }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartupError);
    expect(error).not.toBeInstanceOf(RepositoryNotFound);
    expect(String(error)).toMatch(text);
    expect(hub.seen).toHaveLength(1);
  });

  test.each<[number, string | undefined]>([
    [401, undefined],
    [404, undefined],
    [404, 'RepoNotFound'],
  ])('%d %s is a repository that is not there', async (status, code) => {
    refuseAll(status, code);
    const error = await obtain('org/model').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RepositoryNotFound);
    expect((error as RepositoryNotFound).message).toBe('org/model (repository not found).');
    expect((error as RepositoryNotFound).advice).toContain('set HF_TOKEN');
  });

  test.each<[number, RegExp]>([
    [429, /too many requests \(429\)\. Set HF_TOKEN/],
    [503, /has failed \(503\)\. Try again later; HF_ENDPOINT names a mirror/],
  ])('%d is tried again before it is one', async (status, text) => {
    refuseAll(status, undefined, { 'retry-after': '0' });
    await expect(obtain('org/model')).rejects.toThrow(text);
    expect(hub.seen.length).toBeGreaterThan(2);
    let nth = 0;
    hub.answer = (_req, res) => {
      if (++nth !== 3) return false;
      refuse(res, status);
      return true;
    };
    await obtain('org/model');
  });

  test('who asks for more patience than anybody has is not waited for', async () => {
    refuseAll(429, undefined, { 'retry-after': '3600' });
    await expect(obtain('org/model')).rejects.toThrow('too many requests');
    expect(hub.seen).toHaveLength(1);
  });

  test('a file that is listed and not there', async () => {
    hub.answer = (req, res) => {
      if (!req.url?.includes('/resolve/') || !req.url.endsWith('tokenizer.json')) return false;
      refuse(res, 404, 'EntryNotFound');
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow(
      "lists the file 'tokenizer.json', but does not have it (404)",
    );
  });

  test.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
    'a repository without %s',
    async (name) => {
      hub.close();
      const files = Object.fromEntries(Object.entries(MODEL).filter(([file]) => file !== name));
      hub = await LoopbackHub.start({ 'org/model': files });
      await expect(obtain('org/model')).rejects.toThrow(new RegExp(`^org/model has no ${name}`));
      expect(list(cache)).toEqual([]);
    },
  );

  test('what the hub says is quoted, on one line and not at length', async () => {
    refuseAll(403, undefined, { 'x-error-message': `Not\tyours ${'x'.repeat(500)}` });
    const error = await obtain('org/model').catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("(403, 'Not\\tyours xxx");
    expect(String(error).length).toBeLessThan(500);
  });
});

describe('room', () => {
  test('that is too little is said before the download', async () => {
    hub.answer = (req, res) => {
      if (req.method !== 'HEAD' || !req.url?.endsWith('model.safetensors')) return false;
      res.writeHead(200, { 'x-linked-size': String(5e14), 'x-linked-etag': sha256('x') }).end();
      return true;
    };
    await expect(obtain('org/model')).rejects.toThrow(
      /^org\/model needs 500\.0 TB more of disk space in .*, where [\d.]+ .B are free: --download-dir, HF_HUB_CACHE or HF_HOME/,
    );
    expect(list(cache)).toEqual([]);
  });

  test('that runs out is said', async () => {
    fs.mkdirSync(path.dirname(part()), { recursive: true });
    fs.symlinkSync('/dev/full', part());
    await expect(obtain('org/model')).rejects.toThrow(
      /^No disk space is left in .* What was downloaded is kept/,
    );
  });

  test("that is somebody else's is said", async () => {
    fs.writeFileSync(path.join(cache, 'models--org--model'), '');
    await expect(obtain('org/model')).rejects.toThrow(cache);
  });
});

describe('settings', () => {
  test.each<[object, RegExp]>([
    [{ HF_ENDPOINT: 'huggingface.co' }, /^HF_ENDPOINT must be an address/],
    [{ HF_ENDPOINT: 'ftp://huggingface.co' }, /^HF_ENDPOINT must be an address/],
    [{ HF_ENDPOINT: 'http://user:pw@host' }, /^HF_ENDPOINT must be an address/],
    [{ HF_TOKEN: 'two words' }, /^The token of HF_TOKEN must be one word/],
    [{ HF_HUB_DOWNLOAD_TIMEOUT: 'long' }, /^HF_HUB_DOWNLOAD_TIMEOUT must be/],
  ])('%j', async (env, text) => {
    await expect(obtain('org/model', { env })).rejects.toThrow(text);
  });

  test('the token may be in the file that logging in writes', async () => {
    hub.isPrivate = true;
    fs.mkdirSync(path.join(cache, 'home'));
    fs.writeFileSync(path.join(cache, 'home', 'token'), 'secret\n');
    await obtain('org/model');
    await expect(obtain('org/shards', { env: { HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' } })).rejects.toThrow(
      RepositoryNotFound,
    );
  });

  test('an endpoint may end in a slash', async () => {
    await obtain('org/model', { env: { HF_ENDPOINT: `${hub.endpoint}/` } });
    expect(hub.seen.every(({ url }) => !url.startsWith('//'))).toBe(true);
  });
});
