import { at } from "../base/need.js";
/** One task of a queue; tasks run one after the other. */
export interface QueuedTask {
  /** Seconds before the task starts moving, whatever runs beside it. */
  readonly gap_s: number;
  /** Seconds that it takes alone. */
  readonly alone_s: number;
  /** Seconds that it takes while the companion is there; at least `alone_s`. */
  readonly beside_s: number;
  /** How much of the shared resource it uses up in all. */
  readonly traffic: number;
  /** The share of its own rate that the companion keeps beside this task, above 0, at most 1. */
  readonly companion_share: number;
}

/** A task that runs beside the queue, behind the companions before it. */
export interface Companion {
  /** It starts no sooner than the task of this index is next; the queue's length: after the last. */
  readonly first: number;
  /** Seconds before it starts moving; it is there, but uses nothing. */
  readonly gap_s: number;
  readonly alone_s: number;
  readonly traffic: number;
}

/** When things ended, in seconds from the start. */
interface FluidRun {
  readonly time_s: number;
  readonly queue_end_s: number;
  /** Of the last companion; where there is none, when the queue ends. */
  readonly companion_end_s: number;
}

/** A stretch of a run between two events: all rates are constant in it. */
export interface Stretch {
  readonly start_s: number;
  readonly end_s: number;
  /** The task that moves, by its place in the queue; null: none, it waits through a gap or is done. */
  readonly task: number | null;
  /** The part of that task done in this stretch. */
  readonly task_share: number;
  readonly companion: "absent" | "waiting" | "moving";
  /** Which companion that is, by its place in the list; absent with it. */
  readonly which?: number;
  /** The part of the companion done in this stretch. */
  readonly companion_share: number;
}

/** Told every stretch of a run in turn; they follow each other without gaps from 0 to its end. */
export type Watch = (stretch: Stretch) => void;

/** A gap to wait through, then a share of work to go. */
interface Progress {
  gap_s: number;
  share: number;
}

/** Shares below this are rounding left by earlier steps. */
const SHARE_EPSILON = 1e-12;

/** Whatever takes less is done at once. */
const INSTANT_S = 1e-15;

function secondsLeft(progress: Progress, whole_s: number): number {
  return progress.gap_s > 0 ? progress.gap_s : progress.share * whole_s;
}

/** Moves on by `step_s`; returns the share of work done. */
function advance(progress: Progress, whole_s: number, step_s: number): number {
  if (progress.gap_s > 0) {
    progress.gap_s = progress.gap_s <= step_s ? 0 : progress.gap_s - step_s;
    return 0;
  }
  const before = progress.share;
  progress.share -= step_s / whole_s;
  if (progress.share < SHARE_EPSILON) progress.share = 0;
  return before - progress.share;
}

/** Tells what is left of the companion where the queue is done. */
function watchRest(beside: Progress, start_s: number, end_s: number, watch: Watch | undefined) {
  if (watch === undefined) return;
  const { gap_s, share } = beside;
  const rest = { task: null, task_share: 0 };
  const moving_s = start_s + gap_s;
  if (gap_s > 0) {
    watch({ ...rest, start_s, end_s: moving_s, companion: "waiting", companion_share: 0 });
  }
  watch({ ...rest, start_s: moving_s, end_s, companion: "moving", companion_share: share });
}

/** How far the queue is: what is left of its task `index`. */
interface Place {
  readonly index: number;
  readonly current: Progress;
}

function startOf(tasks: readonly QueuedTask[], index: number): Place {
  const gap_s = index < tasks.length ? at(tasks, index).gap_s : 0;
  return { index, current: { gap_s, share: 1 } };
}

/** Seconds that a task and a companion take as a whole while both move. */
function contending(task: QueuedTask, companion: Companion, capacity: number): [number, number] {
  const companion_s = companion.alone_s / task.companion_share;
  const demand = task.traffic / task.beside_s + companion.traffic / companion_s;
  const slowdown = Math.max(1, demand / capacity);
  return [task.beside_s * slowdown, companion_s * slowdown];
}

/** A companion from its start to its end, with the queue moving under it. */
function runTogether(
  tasks: readonly QueuedTask[],
  from: Place,
  companion: Companion,
  capacity: number,
  start_s: number,
  watch: Watch | undefined,
): {
  readonly span_s: number;
  /** When the queue ended within the span; null: it is at `place`. */
  readonly queue_done_s: number | null;
  readonly place: Place;
} {
  const beside: Progress = { gap_s: companion.gap_s, share: companion.alone_s > INSTANT_S ? 1 : 0 };
  let { index } = from;
  let current: Progress = { ...from.current };
  let span_s = 0;
  while (beside.gap_s > 0 || beside.share > 0) {
    const task = tasks[index];
    if (task === undefined) {
      const rest_s = beside.gap_s + beside.share * companion.alone_s;
      watchRest(beside, start_s + span_s, start_s + (span_s + rest_s), watch);
      return { span_s: span_s + rest_s, queue_done_s: span_s, place: { index, current } };
    }
    const moves = current.gap_s === 0;
    if (moves && task.beside_s <= INSTANT_S) {
      const now_s = start_s + span_s;
      watch?.({
        start_s: now_s,
        end_s: now_s,
        task: index,
        task_share: current.share,
        companion: beside.gap_s > 0 ? "waiting" : "moving",
        companion_share: 0,
      });
      ({ index, current } = startOf(tasks, index + 1));
      continue;
    }
    const both = moves && beside.gap_s === 0;
    const [task_s, companion_s] = both
      ? contending(task, companion, capacity)
      : [task.beside_s, companion.alone_s];
    const step_s = Math.min(secondsLeft(current, task_s), secondsLeft(beside, companion_s));
    const companion_moves = beside.gap_s === 0;
    const task_share = advance(current, task_s, step_s);
    const companion_share = advance(beside, companion_s, step_s);
    watch?.({
      start_s: start_s + span_s,
      end_s: start_s + (span_s + step_s),
      task: moves ? index : null,
      task_share,
      companion: companion_moves ? "moving" : "waiting",
      companion_share,
    });
    span_s += step_s;
    if (moves && current.share === 0) {
      ({ index, current } = startOf(tasks, index + 1));
    }
  }
  return { span_s, queue_done_s: null, place: { index, current } };
}

/** Seconds of the tasks from a place on to task `until`, with nothing beside them. */
function runAlone(
  tasks: readonly QueuedTask[],
  { index, current }: Place,
  until: number,
  start_s: number,
  watch: Watch | undefined,
): number {
  let alone_s = 0;
  for (let i = index; i < until; i++) {
    const task = at(tasks, i);
    const { gap_s, share } = i === index ? current : { gap_s: task.gap_s, share: 1 };
    const end_s = alone_s + (gap_s + share * task.alone_s);
    if (watch !== undefined) {
      const [from_s, moving_s] = [start_s + alone_s, start_s + alone_s + gap_s];
      const alone = { companion: "absent", companion_share: 0 } as const;
      if (gap_s > 0)
        watch({ ...alone, start_s: from_s, end_s: moving_s, task: null, task_share: 0 });
      const to_s = start_s + end_s;
      watch({ ...alone, start_s: moving_s, end_s: to_s, task: i, task_share: share });
    }
    alone_s = end_s;
  }
  return alone_s;
}

/**
 * Runs a queue of tasks and, one after the other beside it, companions that share a resource of
 * `capacity` per second. Rates are constant between events (a start or an end), so progress is exact
 * and there are no time steps. Where both move, a companion keeps the share of its rate that the task
 * leaves it; where they ask for more than the capacity, both slow down in proportion.
 * @param watch told what happens in between; it changes nothing
 */
export function runBeside(
  tasks: readonly QueuedTask[],
  companions: readonly Companion[],
  capacity: number,
  watch?: Watch,
): FluidRun {
  let time_s = 0;
  let place = startOf(tasks, 0);
  let queue_end_s: number | null = null;
  for (const [which, companion] of companions.entries()) {
    if (place.index < companion.first) {
      time_s += runAlone(tasks, place, companion.first, time_s, watch);
      place = startOf(tasks, companion.first);
    }
    const watchOne = watch && ((stretch: Stretch) => watch({ ...stretch, which }));
    const run = runTogether(tasks, place, companion, capacity, time_s, watchOne);
    if (run.queue_done_s !== null) queue_end_s ??= time_s + run.queue_done_s;
    time_s += run.span_s;
    place = run.place;
  }
  queue_end_s ??= time_s + runAlone(tasks, place, tasks.length, time_s, watch);
  const companion_end_s = companions.length === 0 ? queue_end_s : time_s;
  return { time_s: Math.max(queue_end_s, companion_end_s), queue_end_s, companion_end_s };
}
