import { SCHEDULE_POLICIES, type SchedulePolicy } from '../../scheduler/generation/policy';
import { choice, flag, float, floats, int, later, str, topic, warn, yes } from '../flag';

/** The longest time a timer of Node.js can wait, in whole seconds. */
const LONGEST_TIMER_S = 2_147_483;

const PIPELINE_ONLY = warn('it concerns pipeline parallelism, and the server runs on one device');
const PREFILL_DELAYER = warn('copies of the model do not wait for each other');
const BATCH_TOKENIZER = warn('prompts are tokenized as they arrive');

export const schedulerTopic = topic('Scheduler', yes, {
  maxRunningRequests: int(null, 'Requests that run at the same time.', { range: { min: 1 } }),
  maxQueuedRequests: int(null, 'Requests that wait; a further one is answered with 503.', {
    range: { min: 1 },
  }),
  chunkedPrefillSize: int(
    null,
    'Tokens of one prefill chunk, a multiple of --page-size; -1 is off. Without it 256 on cpu, so that a long prompt never stalls running streams; 2048 on webgpu; on cuda by the memory of the device.',
    { range: { min: 1, or: -1 } },
  ),
  prefillMaxRequests: int(null, 'Requests in one prefill batch.', { range: { min: 1 } }),
  maxPrefillTokens: int(16384, 'Tokens in one prefill batch; one request always fits.', {
    range: { min: 1 },
  }),
  enableDynamicChunking: flag('Adapt the chunk size while serving.', { support: PIPELINE_ONLY }),
  schedulePolicy: choice(
    [...(Object.keys(SCHEDULE_POLICIES) as SchedulePolicy[]), 'priority'],
    'fcfs',
    'Order of the waiting queue; priority means fcfs with --enable-priority-scheduling.',
  ),
  enablePriorityScheduling: flag('Order requests by their priority first.'),
  abortOnPriorityWhenDisabled: flag('Refuse requests that set a priority while priorities are off.'),
  scheduleLowPriorityValuesFirst: flag('Treat a smaller priority as more urgent.'),
  prioritySchedulingPreemptionThreshold: int(10, 'Difference of priorities from which a request preempts.'),
  defaultPriorityValue: int(null, 'Priority of requests that set none.', {
    support: later('a default priority'),
  }),
  disablePriorityPreemption: flag('Let no request preempt another one.', {
    support: later('priority scheduling without preemption'),
  }),
  scheduleConservativeness: float(1.0, 'Scales the share of new tokens that is reserved at first.', {
    range: { min: 0 },
  }),
  disableOverlapSchedule: flag('Settle a batch before the next one starts.'),
  enableMixedChunk: flag(
    'Let prompts and running streams advance in the same batches. They do without it where the device can: on a CPU, and on cuda where no batch sizes are captured; elsewhere their batches alternate.',
  ),
  streamInterval: int(1, 'Tokens between two chunks of a stream.', { range: { min: 1 } }),
  randomSeed: int(null, 'Seed of the samplers. Without it one is drawn at start.', { range: { min: 0 } }),
  watchdogTimeout: float(
    300,
    'Seconds one step may take, or a process give no sign of life, before the server ends itself.',
    {
      range: { above: 0, max: LONGEST_TIMER_S },
    },
  ),
  softWatchdogTimeout: float(null, 'Seconds one step may take before a message is logged.', {
    range: { above: 0, max: LONGEST_TIMER_S },
  }),
  drainTimeout: float(
    20,
    'Seconds that running requests may take to finish once the server is asked to stop; then they are aborted, and 2 s later replies that nobody reads are cut.',
    { range: { min: 0, max: LONGEST_TIMER_S } },
  ),
  decodeLogInterval: int(40, 'Decode steps between two lines of the log.', { range: { min: 1 } }),
  sleepOnIdle: flag('Sleep while there is nothing to run; the server always does.'),
  schedulerRecvInterval: int(1, 'Steps between two looks for new requests.', {
    support: warn('requests are received as they arrive'),
  }),
  numContinuousDecodeSteps: int(1, 'Decode steps between two rounds of scheduling.', {
    support: warn('each step is scheduled'),
  }),
  enableDeterministicInference: flag('Results that do not depend on the batch.', {
    support: later('a guarantee that results do not depend on the batch'),
  }),
  rlOnPolicyTarget: str(null, 'Match the results of a training framework.', {
    support: later('a match with the results of a training framework'),
  }),
  ppMaxMicroBatchSize: int(null, 'Requests in a micro batch.', { support: PIPELINE_ONLY }),
  ppAsyncBatchDepth: int(0, 'Micro batches in flight.', { support: PIPELINE_ONLY }),
  prefillRoundRobinBalance: flag('Deprecated.', { support: PREFILL_DELAYER }),
  enablePrefillDelayer: flag('Align the prefills of data-parallel ranks.', { support: PREFILL_DELAYER }),
  prefillDelayerMaxDelayPasses: int(30, 'Passes a prefill may be delayed.', { support: PREFILL_DELAYER }),
  prefillDelayerTokenUsageLowWatermark: float(null, 'Use of the cache below which nothing is delayed.', {
    support: PREFILL_DELAYER,
  }),
  prefillDelayerForwardPassesBuckets: floats('+', 'Histogram of delays in passes.', {
    support: PREFILL_DELAYER,
  }),
  prefillDelayerWaitSecondsBuckets: floats('+', 'Histogram of delays in seconds.', {
    support: PREFILL_DELAYER,
  }),
  enableTokenizerBatchEncode: flag('Tokenize the prompts of a batch in one call.', {
    support: BATCH_TOKENIZER,
  }),
  enableDynamicBatchTokenizer: flag('Tokenize prompts of several requests together.', {
    support: BATCH_TOKENIZER,
  }),
  dynamicBatchTokenizerBatchSize: int(32, 'Prompts tokenized together.', { support: BATCH_TOKENIZER }),
  dynamicBatchTokenizerBatchTimeout: float(0.002, 'Seconds to wait for more prompts.', {
    support: BATCH_TOKENIZER,
  }),
  disableTokenizerBatchDecode: flag('Decode the outputs of a step one by one.', {
    support: warn('outputs are always decoded one by one'),
  }),
});
