import { bug } from '../core/errors';
import type { Flag, Support } from './flag';
import {
  capturedTopic,
  debugTopic,
  diffusionTopic,
  heterogeneousTopic,
  kernelTopic,
  modeloptTopic,
} from './flags/compute';
import { chatTopic, httpTopic, loraTopic } from './flags/http';
import { loggingTopic, metricsTopic } from './flags/logging';
import { cacheTopic, memoryTopic } from './flags/memory';
import { modelTopic } from './flags/model';
import { multimodalTopic } from './flags/multimodal';
import {
  disaggregationTopic,
  encoderTopic,
  expertTopic,
  parallelTopic,
  remoteWeightsTopic,
} from './flags/parallel';
import { schedulerTopic } from './flags/scheduler';
import { speculativeTopic } from './flags/speculative';

/** Every flag, in the order of --help, docs/flags.md and /server_info. */
export const TOPICS = [
  modelTopic,
  httpTopic,
  memoryTopic,
  cacheTopic,
  schedulerTopic,
  capturedTopic,
  loggingTopic,
  metricsTopic,
  chatTopic,
  loraTopic,
  kernelTopic,
  modeloptTopic,
  heterogeneousTopic,
  speculativeTopic,
  parallelTopic,
  expertTopic,
  disaggregationTopic,
  multimodalTopic,
  encoderTopic,
  remoteWeightsTopic,
  diffusionTopic,
  debugTopic,
] as const;

type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type AllFlags = Intersection<(typeof TOPICS)[number]['flags']>;

/** Field name of a flag in camelCase. */
export type FlagKey = keyof AllFlags;

/** One value for every flag of the table. */
export type FlagValues = { readonly [K in FlagKey]: AllFlags[K]['default'] };

/** A flag of the table with everything that is derived from its key and its topic. */
export interface TableFlag extends Flag {
  readonly key: FlagKey;
  /** Long names, the first one canonical. */
  readonly names: readonly [string, ...string[]];
  /** Name in /server_info, snake_case. */
  readonly field: string;
  readonly topic: string;
  readonly support: Support;
}

function delimited(camelCase: string, delimiter: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => delimiter + letter.toLowerCase());
}

function tableFlag(key: FlagKey, flag: Flag, topic: string, fallback: Support): TableFlag {
  const [canonical = `--${delimited(key, '-')}`, ...aliases] = flag.names ?? [];
  return {
    ...flag,
    key,
    names: [canonical, ...aliases],
    field: delimited(key, '_'),
    topic,
    support: flag.support ?? fallback,
  };
}

export const TABLE: readonly TableFlag[] = TOPICS.flatMap(({ title, support, flags }) =>
  // A topic's own keys are keys of the whole.
  Object.entries<Flag>(flags).map(([key, flag]) => tableFlag(key as FlagKey, flag, title, support)),
);

const BY_KEY: ReadonlyMap<string, TableFlag> = new Map(TABLE.map((flag) => [flag.key, flag]));

export function flagOf(key: FlagKey): TableFlag {
  const flag = BY_KEY.get(key);
  if (!flag) throw bug(`no flag ${key} in the table`);
  return flag;
}

/** How argparse names a flag in its messages: all its names, joined by a slash. */
export function displayName(flag: Pick<TableFlag, 'names'>): string {
  return flag.names.join('/');
}
