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

function advance(progress: Progress, whole_s: number, step_s: number): void {
  if (progress.gap_s > 0) {
    progress.gap_s = progress.gap_s <= step_s ? 0 : progress.gap_s - step_s;
    return;
  }
  progress.share -= step_s / whole_s;
  if (progress.share < SHARE_EPSILON) progress.share = 0;
}

/** How far the queue is: what is left of its task `index`. */
interface Place {
  readonly index: number;
  readonly current: Progress;
}

function startOf(tasks: readonly QueuedTask[], index: number): Place {
  return { index, current: { gap_s: tasks[index]?.gap_s ?? 0, share: 1 } };
}

/** A companion from its start to its end, with the queue moving under it. */
function runTogether(
  tasks: readonly QueuedTask[],
  from: Place,
  companion: Companion,
  capacity: number,
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
      return { span_s: span_s + rest_s, queue_done_s: span_s, place: { index, current } };
    }
    const moves = current.gap_s === 0;
    if (moves && task.beside_s <= INSTANT_S) {
      index++;
      current = { gap_s: tasks[index]?.gap_s ?? 0, share: 1 };
      continue;
    }
    let task_s = task.beside_s;
    let companion_s = companion.alone_s;
    if (moves && beside.gap_s === 0) {
      companion_s /= task.companion_share;
      const demand = task.traffic / task_s + companion.traffic / companion_s;
      const slowdown = Math.max(1, demand / capacity);
      task_s *= slowdown;
      companion_s *= slowdown;
    }
    const step_s = Math.min(secondsLeft(current, task_s), secondsLeft(beside, companion_s));
    advance(current, task_s, step_s);
    advance(beside, companion_s, step_s);
    span_s += step_s;
    if (moves && current.share === 0) {
      index++;
      current = { gap_s: tasks[index]?.gap_s ?? 0, share: 1 };
    }
  }
  return { span_s, queue_done_s: null, place: { index, current } };
}

/** Seconds of the tasks from a place on to task `until`, with nothing beside them. */
function timeAlone(tasks: readonly QueuedTask[], { index, current }: Place, until: number): number {
  let rest_s = 0;
  for (let i = index; i < until; i++) {
    const task = tasks[i] as QueuedTask;
    rest_s +=
      i === index ? current.gap_s + current.share * task.alone_s : task.gap_s + task.alone_s;
  }
  return rest_s;
}

/**
 * Runs a queue of tasks and, one after the other beside it, companions that share a resource of
 * `capacity` per second. Rates are constant between events (a start or an end), so progress is exact
 * and there are no time steps. Where both move, a companion keeps the share of its rate that the task
 * leaves it; where they ask for more than the capacity, both slow down in proportion.
 */
export function runBeside(
  tasks: readonly QueuedTask[],
  companions: readonly Companion[],
  capacity: number,
): FluidRun {
  let time_s = 0;
  let place = startOf(tasks, 0);
  let queue_end_s: number | null = null;
  for (const companion of companions) {
    if (place.index < companion.first) {
      time_s += timeAlone(tasks, place, companion.first);
      place = startOf(tasks, companion.first);
    }
    const run = runTogether(tasks, place, companion, capacity);
    if (run.queue_done_s !== null) queue_end_s ??= time_s + run.queue_done_s;
    time_s += run.span_s;
    place = run.place;
  }
  queue_end_s ??= time_s + timeAlone(tasks, place, tasks.length);
  const companion_end_s = companions.length === 0 ? queue_end_s : time_s;
  return { time_s: Math.max(queue_end_s, companion_end_s), queue_end_s, companion_end_s };
}
