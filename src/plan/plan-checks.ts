import type { z } from "zod";

interface References {
  readonly partitions: readonly {
    readonly key: string;
    readonly slots: readonly { readonly name: string }[];
    readonly queued?: readonly unknown[] | undefined;
  }[];
  readonly configurations: readonly {
    readonly id: number;
    readonly partition: string;
    readonly launch_slot: string | null;
    readonly queued_slots?: readonly (string | null)[] | undefined;
    readonly order: readonly number[] | null;
  }[];
  readonly parallelism: { readonly pp: number };
  readonly stages: readonly { readonly stage: number }[];
}

interface Variants {
  readonly variants: readonly unknown[];
  readonly stages: readonly {
    readonly instructions: readonly { readonly variant: number }[];
  }[];
}

interface Tables {
  readonly costs?: Readonly<Record<string, readonly unknown[]>> | undefined;
  readonly uses: readonly (readonly { readonly layers: readonly number[] }[])[];
  readonly variants: readonly { readonly use: number }[];
  readonly stages: readonly {
    readonly layers: readonly unknown[];
    readonly instructions: readonly { readonly variant: number }[];
  }[];
}

const complaints = (context: z.RefinementCtx) => (path: PropertyKey[], message: string) =>
  context.addIssue({ code: "custom", path, message });

/** Everything named must be there: stages, partitions, their slots. */
export function checkReferences(file: References, context: z.RefinementCtx): void {
  const issue = complaints(context);
  const partitions = new Map(file.partitions.map((entry) => [entry.key, entry]));
  file.configurations.forEach((entry, index) => {
    const home = partitions.get(entry.partition);
    const at = (key: string) => ["configurations", index, key];
    const { launch_slot, queued_slots = [] } = entry;
    const unknown = (slot: string | null) =>
      slot !== null && !home?.slots.some(({ name }) => name === slot);
    if (home === undefined) issue(at("partition"), "no partition has this key");
    else if (unknown(launch_slot)) {
      issue(at("launch_slot"), "the partition has no slot of this name");
    } else if (queued_slots.some(unknown) || queued_slots.length !== (home.queued ?? []).length) {
      issue(at("queued_slots"), "not a slot of the partition for each queued communication");
    } else if (entry.order !== null && !isPermutation(entry.order, home.slots.length)) {
      issue(at("order"), "not every slot of the partition, once each");
    }
  });
  if (file.stages.length !== file.parallelism.pp) {
    issue(["stages"], "not as many as the pipeline has (pp)");
  }
  file.stages.forEach(({ stage: number }, stage) => {
    if (number !== stage) issue(["stages", stage, "stage"], "stages are not in order from 0");
  });
}

/** What instructions name must be there. */
export function checkVariants(file: Variants, context: z.RefinementCtx): void {
  const issue = complaints(context);
  file.stages.forEach(({ instructions }, stage) => {
    instructions.forEach(({ variant }, index) => {
      if (variant < file.variants.length) return;
      const path = ["stages", stage, "instructions", index, "variant"];
      issue(path, "there is no variant of this index");
    });
  });
}

/** What uses name must be there; `path` leads to them. */
export function checkUses(
  { configurations }: References,
  uses: readonly { readonly configuration: number }[],
  path: PropertyKey[],
  context: z.RefinementCtx,
): void {
  const issue = complaints(context);
  uses.forEach(({ configuration }, position) => {
    if (configurations.some(({ id }) => id === configuration)) return;
    issue([...path, position, "configuration"], "no configuration has this id");
  });
}

/** Tables must be whole: uses and layers of every variant, costs of equally long lists. */
export function checkTables({ costs, uses, variants, stages }: Tables, context: z.RefinementCtx) {
  const issue = complaints(context);
  const lengths = new Set(Object.values(costs ?? {}).map((column) => column.length));
  if (lengths.size > 1) issue(["costs"], "its lists are not equally long");
  variants.forEach(({ use }, index) => {
    if (use >= uses.length) issue(["variants", index, "use"], "there are no uses of this index");
  });
  // Layers that a stage needs at least.
  const needed = uses.map((list) => list.flatMap(({ layers }) => layers).reduce(larger, -1) + 1);
  stages.forEach(({ layers, instructions }, stage) => {
    instructions.forEach(({ variant }, index) => {
      const list = variants[variant]?.use;
      const count = list === undefined ? undefined : needed[list];
      if (count === undefined || count <= layers.length) return;
      const path = ["stages", stage, "instructions", index, "variant"];
      issue(path, "it runs layers that the stage does not list");
    });
  });
}

const larger = (a: number, b: number) => Math.max(a, b);

function isPermutation(order: readonly number[], length: number): boolean {
  return order.length === length && new Set(order).size === length && Math.max(...order) < length;
}
