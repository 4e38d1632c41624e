import type { Device } from '../model-runner/backends/devices';
import type { SchedulePolicy } from '../scheduler/generation/policy';
import type { FlagKey, FlagValues } from './table';

/** Flags that never stay unset: what they are when they are not given depends on others or on the machine. */
interface Resolved {
  readonly modelPath: string;
  readonly tokenizerPath: string;
  readonly servedModelName: string;
  readonly loadFormat: 'auto' | 'safetensors' | 'gguf' | 'dummy';
  readonly device: Device;
  readonly pageSize: number;
  /** Tokens of one prefill chunk; -1 is off. */
  readonly chunkedPrefillSize: number;
  /** Batch sizes captured at start, ascending. */
  readonly cudaGraphBs: readonly number[];
  readonly cudaGraphMaxBs: number;
  /** Share of the free memory for weights and KV cache, (0, 1). */
  readonly memFractionStatic: number;
  readonly schedulePolicy: SchedulePolicy;
  readonly randomSeed: number;
  readonly loadBalanceMethod: Exclude<FlagValues['loadBalanceMethod'], 'follow_bootstrap_room'>;
}

/**
 * The flags once resolved: frozen, computed once in the launcher, handed to every process. Names and types are those of the
 * table, in camelCase; `/server_info` turns the names back into snake_case.
 */
export type ServerArgs = Omit<FlagValues, keyof Resolved> &
  Resolved & {
    /** Flags that the operator set. */
    readonly given: readonly FlagKey[];
  };
