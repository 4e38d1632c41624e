import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { parseCommandLine, resolveServerArgs, type ServerArgs } from '../../src/server-args';
import { TestServer } from './http/test-server';

/** The files of `deploy` name flags, routes, paths and times of this project. */

const DEPLOY = resolve(__dirname, '../../deploy');
const read = (name: string) => readFileSync(join(DEPLOY, name), 'utf8');

/** The arguments as the server would read them. Fails for a flag that is not there or is refused. */
function serverArgs(argv: readonly string[]): ServerArgs {
  const command = parseCommandLine([...argv]);
  if (command.kind !== 'run') throw new Error('not a run');
  const machine = { env: {}, cudaMemoryMiB: null, drawnSeed: 1, bundledModelPath: '/m' };
  const { args, warnings } = resolveServerArgs(command.flags, machine);
  expect(warnings).toEqual([]);
  return args;
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly tcpSocket?: { readonly port: string };
}

interface Container {
  readonly args: string[];
  readonly ports: { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } };
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: [Container];
  readonly volumes: { readonly name: string }[];
}

describe('deploy/kubernetes.yaml', () => {
  const documents = parseAllDocuments(read('kubernetes.yaml')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string; spec: unknown };
  });
  const pod = (documents[0]?.spec as { template: { spec: Pod } }).template.spec;
  const [container] = pod.containers;

  it('passes flags that there are, and leaves them the time they ask for', () => {
    expect(documents.map(({ kind }) => kind)).toEqual(['Deployment', 'Service']);
    const args = serverArgs(container.args);
    expect(container.ports).toEqual([{ name: 'http', containerPort: args.port }]);
    const preStop = Number(container.lifecycle.preStop.exec.command[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(preStop + args.drainTimeout + 2 + 5);
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
  });

  it('asks for what is a route, by a port that has a name', async () => {
    const server = await TestServer.start();
    try {
      for (const probe of [container.startupProbe, container.readinessProbe]) {
        expect((await server.get(probe.httpGet?.path ?? '')).status).toBe(200);
        expect(probe.httpGet?.port).toBe('http');
      }
      expect(container.livenessProbe).toMatchObject({ tcpSocket: { port: 'http' } });
    } finally {
      await server.close();
    }
  });
});

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly build?: { readonly context: string; readonly dockerfile: string };
        readonly command?: string[];
        readonly stop_grace_period?: string;
        readonly volumes: string[];
        readonly configs?: { readonly source: string }[];
      }
    >
  >;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly volumes: Readonly<Record<string, null>>;
}

describe('deploy/compose.yaml', () => {
  const { services, configs, volumes } = parse(read('compose.yaml')) as Compose;

  it('passes flags that there are, and leaves them the time they ask for', () => {
    const server = services['server'];
    const args = serverArgs(server?.command ?? []);
    expect(args).toMatchObject({ port: 30000, host: '0.0.0.0', enableMetrics: true });
    expect(Number.parseInt(server?.stop_grace_period ?? '', 10)).toBeGreaterThan(args.drainTimeout + 2);
    const { context = '', dockerfile = '' } = server?.build ?? {};
    expect(existsSync(join(DEPLOY, context, dockerfile))).toBe(true);
  });

  it('names files, volumes and configurations that there are', () => {
    for (const service of Object.values(services)) {
      for (const volume of service.volumes) {
        const [source = ''] = volume.split(':');
        expect([
          source,
          source.startsWith('.') ? existsSync(join(DEPLOY, source)) : source in volumes,
        ]).toEqual([source, true]);
      }
      for (const { source } of service.configs ?? [])
        expect(parse(configs[source]?.content ?? '')).toMatchObject({ apiVersion: 1 });
    }
  });
});

it('deploy/Dockerfile copies and starts what there is, as nobody in particular', () => {
  const text = read('Dockerfile');
  const copied = [...text.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(([, path]) => path ?? '');
  const built = ['dist', 'node_modules'];
  for (const path of copied)
    expect(built.includes(path) || existsSync(join(dirname(DEPLOY), path))).toBe(true);
  expect(text).toMatch(/^USER node$/m);
  serverArgs(JSON.parse(/^CMD (\[.*\])$/m.exec(text)?.[1] ?? '') as string[]);
  expect(text).toMatch(/^ENTRYPOINT \["node", "dist\/launch-server\.js"\]$/m);
  expect(existsSync(join(dirname(DEPLOY), 'src/launch-server.ts'))).toBe(true);
});

it('deploy/sglang-node.service gives the drain its time', () => {
  const text = read('sglang-node.service');
  const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
  expect(stop).toBeGreaterThan(serverArgs([]).drainTimeout + 2);
  expect(text).toMatch(/^ExecStart=\S+ node \S+\/dist\/launch-server\.js --config %d\/flags\.yaml$/m);
});
