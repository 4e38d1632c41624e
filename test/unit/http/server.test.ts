import { connect } from 'node:net';
import { HttpServer, isLoopback } from '../../../src/http/server';

const open: HttpServer[] = [];

async function listen(host = '127.0.0.1', port = 0): Promise<HttpServer> {
  const http = await HttpServer.listen(host, port);
  open.push(http);
  return http;
}

afterEach(() => open.splice(0).forEach((http) => http.close()));

test('answers 503 until the application is set', async () => {
  const http = await listen();
  const loading = await fetch(`${http.url}/generate`, { method: 'POST', body: '{}' });
  expect(loading.status).toBe(503);
  expect(await loading.json()).toEqual({
    object: 'error',
    message: 'The server is starting: the model is still being loaded.',
    type: '503',
    param: null,
    code: 503,
  });
  http.serve((_request, reply) => reply.end('ready'));
  expect(await (await fetch(http.url)).text()).toBe('ready');
});

test('while stopping it refuses new work and nothing else', async () => {
  const http = await listen();
  http.serve((_request, reply) => reply.end('served'));
  http.refuseNewWork();
  const refused = await fetch(`${http.url}/generate`, { method: 'POST', body: '{}' });
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ message: 'The server is shutting down.', code: 503 });
  expect(await (await fetch(`${http.url}/health`)).text()).toBe('served');
  expect(await (await fetch(`${http.url}/abort_request`, { method: 'POST', body: '{}' })).text()).toBe(
    'served',
  );
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

test.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.4', false],
  ['', false],
  ['127.0.0.1.example.org', false],
])('isLoopback(%j) is %s', (host, expected) => expect(isLoopback(host)).toBe(expected));
