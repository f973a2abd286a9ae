import { interrupted } from "../base/diagnostics/search.js";
import { present } from "../base/need.js";
import type { SearchingOptions } from "../options.js";
import type { Planned } from "../plan/frontier.js";
import type { OptimizeResult } from "../planning.js";
import type { JournalFile } from "../search/journal.js";
import {
  type DefaultFolder,
  defaultFolder,
  journalIn,
  pointTo,
  prepareRun,
  refuseOthers,
  writeRun,
} from "./output.js";
import { onInterrupt } from "./signals.js";

interface Asked {
  /** Null: a folder beside the graph, named by what the graph takes of what was told. */
  readonly out: string | null;
  readonly resume: boolean;
  readonly force: boolean;
}

interface Opened extends Awaited<ReturnType<typeof prepareRun>> {
  readonly folder: string;
  readonly byDefault: DefaultFolder | null;
}

/** Where one run of `optimize` writes: opened when the graph is read, before the work begins. */
export class RunOutput {
  readonly #graph: string;
  readonly #asked: Asked;
  #opened: Opened | null = null;

  constructor(graph: string, asked: Asked) {
    this.#graph = graph;
    this.#asked = asked;
  }

  /** Opens the folder (KRS0021, KRS0024); evaluations are kept there from now on. */
  readonly open = async (taken: SearchingOptions): Promise<JournalFile> => {
    const { out, resume } = this.#asked;
    const byDefault = out === null ? defaultFolder(this.#graph, taken) : null;
    const folder = byDefault?.folder ?? present(out, "folder");
    this.#opened = { ...(await prepareRun(folder)), folder, byDefault };
    onInterrupt(interrupted(folder));
    return journalIn(folder, resume);
  };

  /** Refuses to write over the results of another run, unless that is asked for: KRS3015. */
  readonly claim = (planned: Planned): void => {
    if (!this.#asked.force) refuseOthers(this.#folder().folder, planned);
  };

  /** After a failure: nothing stays but what was measured. */
  async undo(): Promise<void> {
    await this.#opened?.undo();
  }

  /** Writes the result; returns the folder. */
  async write(result: OptimizeResult): Promise<string> {
    const { folder, byDefault, release } = this.#folder();
    await writeRun(folder, result);
    if (byDefault !== null) await pointTo(byDefault);
    await release();
    return folder;
  }

  #folder(): Opened {
    return present(this.#opened, "folder");
  }
}
