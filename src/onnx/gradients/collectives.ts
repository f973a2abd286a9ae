import { type GradientRule, NO_GRADIENT, wantedInputs } from "./gradient.js";

/** A collective's counterpart, in the domain whose attributes name the group. */
type Counterpart = Readonly<{ kareus: string; runtime: string }>;

/** Each input's gradient from the output of the same index: collectives take several tensors. */
function arrivals({ outputGradients, ...request }: Parameters<GradientRule>[0]) {
  return wantedInputs({ outputGradients, ...request }).flatMap((input) => {
    const gradient = outputGradients[input] ?? null;
    return gradient === null ? [] : [{ input, gradient }];
  });
}

/** A collective's backward is another one, of all that arrives in one launch. */
function collectiveGradient({ kareus, runtime }: Counterpart): GradientRule {
  return (request) => {
    const found = arrivals(request);
    if (found.length === 0) return NO_GRADIENT;
    const { op, attributes } = request.node;
    const node = {
      op: op.startsWith("kareus::") ? kareus : runtime,
      inputs: found.map(({ gradient }) => gradient),
      attributes,
      of: found.map(({ input }) => input),
    };
    return { nodes: [node], aliases: [] };
  };
}

/** Sum over the group, then the same value everywhere: dY is already what each rank needs. */
export const allReduceGradient: GradientRule = (request) => ({
  nodes: [],
  aliases: arrivals(request),
});

/** What came from another stage: its gradient is sent back there. */
export const receiveGradient: GradientRule = ({ outputGradients, node }) => {
  const inputs = outputGradients.filter((gradient) => gradient !== null);
  if (inputs.length === 0) return NO_GRADIENT;
  const { attributes } = node;
  return { nodes: [{ op: "com.microsoft::Send", inputs, attributes, of: [] }], aliases: [] };
};

export const copyToGroupGradient = collectiveGradient({
  kareus: "kareus::AllReduce",
  runtime: "com.microsoft::NcclAllReduce",
});
export const allGatherGradient = collectiveGradient({
  kareus: "kareus::ReduceScatter",
  runtime: "com.microsoft::NcclReduceScatter",
});
export const reduceScatterGradient = collectiveGradient({
  kareus: "kareus::AllGather",
  runtime: "com.microsoft::NcclAllGather",
});
export const ringShiftGradient = collectiveGradient({
  kareus: "kareus::RingShift",
  runtime: "kareus::RingShift",
});
export const allToAllGradient = collectiveGradient({
  kareus: "kareus::AllToAll",
  runtime: "com.microsoft::AllToAll",
});
