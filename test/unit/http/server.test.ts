import { connect } from 'node:net';
import { maxClients } from '../../../src/http/connection-limit';
import { HttpServer, isLoopback } from '../../../src/http/server';
import { captureLog } from '../capture-log';

const open: HttpServer[] = [];

async function listen(host = '127.0.0.1', port = 0, clients?: number): Promise<HttpServer> {
  const http = await HttpServer.listen(host, port, clients);
  open.push(http);
  return http;
}

afterEach(() => {
  jest.restoreAllMocks();
  open.splice(0).forEach((http) => http.close());
});

test('answers 503 until the application is set', async () => {
  const http = await listen();
  const loading = await fetch(`${http.url}/generate`, { method: 'POST', body: '{}' });
  expect(loading.status).toBe(503);
  expect(loading.headers.get('retry-after')).toBe('1');
  expect(loading.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  expect(await loading.json()).toEqual({
    object: 'error',
    message: 'The server is starting: the model is still being loaded.',
    type: '503',
    param: null,
    code: 503,
  });
  const asOpenai = await fetch(`${http.url}/v1/models`);
  expect(await asOpenai.json()).toMatchObject({ error: { type: 'server_error', code: null } });
  http.serve((_request, reply) => reply.end('ready'));
  expect(await (await fetch(http.url)).text()).toBe('ready');
});

test('answers also whoever is still sending a body while it starts', async () => {
  const http = await listen();
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const socket = connect(http.port, '127.0.0.1', () => {
      socket.write('POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n');
      socket.write('x'.repeat(10_000_000));
    });
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('end', () => resolve(received));
    socket.on('error', reject);
  });
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
});

test('a port in use is one line with host and port', async () => {
  const { port } = await listen();
  await expect(HttpServer.listen('127.0.0.1', port)).rejects.toThrow(
    `Cannot listen on 127.0.0.1:${port}: the port is in use. Stop the process that has it, or choose another with --port.`,
  );
});

test('an address of another machine is refused', async () => {
  await expect(HttpServer.listen('203.0.113.1', 0)).rejects.toThrow('Cannot listen on 203.0.113.1:0: ');
});

test('counts replies until their client has them or is gone', async () => {
  const http = await listen();
  let finish: () => void = () => undefined;
  http.serve((_request, reply) => {
    reply.write('one ');
    finish = () => reply.end('two');
  });
  const answered = await fetch(http.url);
  expect(http.openReplies).toBe(1);
  finish();
  expect(await answered.text()).toBe('one two');
  while (http.openReplies > 0) await new Promise(setImmediate);

  const socket = connect(http.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  while (http.openReplies === 0) await new Promise(setImmediate);
  socket.destroy();
  while (http.openReplies > 0) await new Promise(setImmediate);
});

test('closing cuts streams and frees the port', async () => {
  const http = await listen();
  http.serve((_request, reply) => void reply.write('one '));
  const reply = await fetch(http.url);
  const { port } = http;
  http.close();
  await expect(reply.text()).rejects.toThrow();
  await listen('127.0.0.1', port);
});

test('is reached locally when bound to every interface', async () => {
  const http = await listen('0.0.0.0');
  expect(http.url).toBe(`http://0.0.0.0:${http.port}`);
  expect(http.localUrl).toBe(`http://127.0.0.1:${http.port}`);
});

test('takes an IPv6 address in brackets, and shows it in them', async () => {
  const http = await listen('[::1]');
  expect(http.url).toBe(`http://[::1]:${http.port}`);
  http.serve((_request, reply) => reply.end('served'));
  expect(await (await fetch(http.localUrl)).text()).toBe('served');
  await expect(HttpServer.listen('[::1]', http.port)).rejects.toThrow(
    `Cannot listen on [::1]:${http.port}: `,
  );
  await expect(HttpServer.listen('[localhost]', 0)).rejects.toThrow('the host name is unknown');
});

test('refuses connections for which there are no file descriptors, says so once, and goes on', async () => {
  const logged = captureLog();
  const http = await listen('127.0.0.1', 0, 2);
  http.serve((_request, reply) => reply.end('served'));
  const clients = Array.from({ length: 6 }, () => connect(http.port, '127.0.0.1'));
  const closed = clients.map(
    (client) => new Promise<void>((resolve) => client.once('close', () => resolve())),
  );
  clients.forEach((client) => client.on('error', () => undefined));
  await Promise.all(closed.slice(2));
  expect(logged).toEqual([expect.stringMatching(/^Refusing connections: 2 are open, .*ulimit -n/)]);
  clients.forEach((client) => client.destroy());
  await Promise.all(closed);
  expect(await (await fetch(http.url)).text()).toBe('served');
});

test.each([
  ['Max open files            1024                 524288               files', 960],
  ['Max open files            80                   80                   files', 16],
  ['Max open files            unlimited            unlimited            files', null],
])('of %j clients may take %j', (line, expected) => {
  expect(maxClients(`Limit  Soft Limit\nMax processes  1  2\n${line}\n`)).toBe(expected);
});

test.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['[::1]', true],
  ['[::]', false],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.4', false],
  ['', false],
  ['127.0.0.1.example.org', false],
])('isLoopback(%j) is %s', (host, expected) => expect(isLoopback(host)).toBe(expected));
