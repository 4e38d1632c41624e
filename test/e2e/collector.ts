import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly pid: number;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly Value[] };
}

interface Attribute {
  readonly key: string;
  readonly value: Value;
}

interface Payload {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly Attribute[];
      }[];
    }[];
  }[];
}

/** An OpenTelemetry collector in this process: takes spans over OTLP as JSON. */
export class Collector {
  readonly spans: Span[] = [];
  private readonly http = createServer((req, res) => {
    void this.take(req).then(() => res.setHeader('content-type', 'application/json').end('{}'));
  });

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await once(collector.http.listen(0, '127.0.0.1'), 'listening');
    return collector;
  }

  /** As `--otlp-traces-endpoint` has it. */
  get endpoint(): string {
    return `127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** The spans of a trace, once its root has come and nothing more does. */
  async trace(rid: string): Promise<Span[]> {
    const isRoot = ({ attributes }: Span) => attributes['rid'] === rid;
    const of = () => {
      const root = this.spans.find(isRoot);
      return this.spans.filter(({ traceId }) => traceId === root?.traceId);
    };
    const limit = Date.now() + 20_000;
    for (let seen = 0; ; seen = of().length) {
      await sleep(1200);
      if (of().length > 0 && of().length === seen) return of();
      if (Date.now() > limit) throw new Error(`no trace of ${rid} came; spans: ${this.spans.length}`);
    }
  }

  close(): void {
    this.http.close();
    this.http.closeAllConnections();
  }

  private async take(req: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Payload;
    for (const { resource, scopeSpans } of resourceSpans) {
      const pid = Number(plain(resource.attributes)['process.pid'] ?? 0);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          ...span,
          parentSpanId: span.parentSpanId ?? '',
          pid,
          start: BigInt(span.startTimeUnixNano),
          end: BigInt(span.endTimeUnixNano),
          attributes: plain(span.attributes),
        });
      }
    }
  }
}

function plain(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: Value): unknown {
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(valueOf);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? null;
}
