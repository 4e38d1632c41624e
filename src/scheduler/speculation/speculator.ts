import { env } from '../../core/env';
import type { DraftLoad } from '../../ipc/messages';
import type { ServerArgs } from '../../server-args/server-args';
import type { DraftCounts } from '../../core/request';
import type { Request } from '../generation/request';
import { AcceptanceMeter } from './acceptance-meter';
import { bestDraft, type DraftOdds, type Promising } from './draft-policy';
import { Drafter } from './drafter';
import { HitRates } from './hit-rates';
import { RunTimes } from './run-times';

/**
 * How far logits that are computed in runs of different sizes can be apart, as a share of the likeliest: some ten times what was
 * measured in float32. Where products take their inputs in 8 bits, what is rounded apart grows from layer to layer, and no bound is
 * sure; this one spares most changes, and few tokens need a step of their own.
 */
export function roundingOf({ roundsInputs }: { readonly roundsInputs: boolean }): number {
  return roundsInputs ? 0.02 : 1e-4;
}

/** Tokens that are to come next of a request, and what is expected of running over them. */
export interface Draft extends Promising {
  readonly request: Request;
  readonly ids: Int32Array;
}

/** Tokens of all requests after which what was learned of drafts counts a third. */
const MEMORY = 500;

/** Drafts that only pay by what runs are assumed to take are tried this often, because what they took may be out of date. */
const PROBE_EVERY = 48;

/**
 * Decides when the next tokens of a request are drafted from its own, and how many: by how often drafts have been right, and by
 * what runs over several tokens and steps of the decode batch have taken lately.
 */
export class Speculator {
  readonly meter = new AcceptanceMeter();
  readonly times = new RunTimes();
  private readonly drafters = new WeakMap<Request, Drafter>();
  private readonly shared = new HitRates(MEMORY);
  /** Requests by the length at which the logits of a draft's run left the next token open: that one takes a step of its own. */
  private readonly open = new WeakMap<Request, number>();
  private declined = 0;
  /** How often the logits of a run say which token is drawn, lately. */
  private sureness = 1;

  /**
   * @param mostDrafted tokens of a draft at most
   * @param window shortest and longest n-gram that is looked up
   * @param always whether to draft what can be drafted, paying or not
   */
  constructor(
    private readonly mostDrafted: number,
    private readonly window: { readonly min: number; readonly max: number },
    private readonly always = env('SGLANG_TEST_SPECULATE'),
  ) {}

  /** @returns null where the server does not draft */
  static of(args: ServerArgs): Speculator | null {
    if (args.speculativeAlgorithm !== 'NGRAM' || args.speculativeNumDraftTokens === null) return null;
    return new Speculator(args.speculativeNumDraftTokens - 1, {
      min: args.speculativeNgramMinMatchWindowSize,
      max: args.speculativeNgramMaxMatchWindowSize,
    });
  }

  get load(): DraftLoad {
    const { average, now } = this.meter;
    return { acceptLength: now.length, averageAcceptLength: average.length, acceptRate: now.rate };
  }

  /**
   * Drafts of those requests for which one pays.
   * @param batchSize requests in a step of the decode batch
   */
  drafts(requests: readonly Request[], batchSize: number): Draft[] {
    const stepMs = this.always ? Infinity : this.times.step(batchSize);
    if (stepMs === null) return [];
    return requests.flatMap((request) => this.draftOf(request, batchSize / stepMs) ?? []);
  }

  /** A request was in a run. @param isOpen whether its next token is to be drawn by a step of its own */
  ran(request: Request, drafted: number, accepted: number, isOpen = false): void {
    this.meter.count(drafted, accepted);
    if (isOpen) this.open.set(request, request.length);
    if (drafted > 0) {
      const kept = (1 - 1 / MEMORY) ** (accepted + 1);
      this.sureness = this.sureness * kept + (1 - kept) * (1 - Number(isOpen) / (accepted + 1));
    }
    request.drafts = counted(request.drafts ?? NO_DRAFTS, drafted, accepted);
  }

  private draftOf(request: Request, batchRate: number): Draft | null {
    // Draws from the many tokens of next to no probability hang on the last bits, which a seed cannot repeat in runs of other sizes.
    if (request.isSeeded && !request.sampler.greedy) return null;
    const most = Math.min(this.mostDrafted, request.remainLen - 1);
    if (most < 1 || this.open.get(request) === request.length) return null;
    const drafter = this.drafterOf(request);
    const match = drafter.look();
    if (match === null) return null;
    const known = request.extendLen;
    const runMs = (tokens: number) => this.times.run(tokens);
    const odds: DraftOdds = {
      chance: (i) => drafter.chance(match, i) * this.sureness,
      most,
      known,
      runMs,
      batchRate,
    };
    const measured = this.always ? { length: most, rate: 0 } : bestDraft(odds);
    const { length, rate } = measured.length > 0 ? measured : this.probe(odds);
    if (length === 0) return null;
    return { request, ids: drafter.draft(match, length), rate, ms: runMs(known + length) };
  }

  private probe(odds: DraftOdds) {
    const assumed = bestDraft({ ...odds, runMs: (tokens) => this.times.assumedRun(tokens) });
    if (assumed.length > 0) this.declined += 1;
    const isDue = assumed.length > 0 && this.declined % PROBE_EVERY === 0;
    return isDue ? assumed : { length: 0, rate: odds.batchRate };
  }

  private drafterOf(request: Request): Drafter {
    let drafter = this.drafters.get(request);
    if (drafter === undefined) {
      drafter = new Drafter(request.ids, request.promptLen, this.window, this.shared);
      this.drafters.set(request, drafter);
    }
    return drafter;
  }
}

const NO_DRAFTS: DraftCounts = { runs: 0, drafted: 0, accepted: 0, histogram: [] };

function counted(counts: DraftCounts, drafted: number, accepted: number): DraftCounts {
  const length = Math.max(counts.histogram.length, accepted + 1);
  return {
    runs: counts.runs + 1,
    drafted: counts.drafted + drafted,
    accepted: counts.accepted + accepted,
    histogram: Array.from({ length }, (_, i) => (counts.histogram[i] ?? 0) + Number(i === accepted)),
  };
}
