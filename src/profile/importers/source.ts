import { DiagnosticError, fail } from "../../base/diagnostics/diagnostic.js";
import { unknownMeasurements, unreadableProfile } from "../../base/diagnostics/profile.js";
import { reasonOf } from "../../base/files.js";
import { isStageProfile } from "../stage-profile.js";
import { ChakraReader } from "./chakra.js";
import { ChakraMessages, isChakra } from "./chakra-messages.js";
import { ChakraFault, parseChakraNode } from "./chakra-node.js";
import { EventReader, JsonFault, linesOf } from "./json-events.js";
import { isKareusLog } from "./kareus-log.js";
import { KinetoReader } from "./kineto.js";
import type { Trace } from "./trace.js";
import { type Member, membersOf } from "./unpacked.js";

/** A file by its content. */
export type Source =
  | { readonly kind: "trace"; readonly trace: Trace }
  | { readonly kind: "stage profile" | "Kareus log"; readonly text: string };

/** What is not read as a stream may not be larger: twice that is needed to decode it. */
const LARGEST_WHOLE_BYTES = 256 * 2 ** 20;
/** A line takes more in memory than it does in the file, an empty one most of all. */
const MOST_LINES = 2 ** 21;

/** Its first two signs: a Chakra trace may begin with a bracket too, but goes on with lengths. */
const JSON_START = /^\s*[[{]\s*([!-~]|$)/;

async function whole({ name, content }: Member, kind: string): Promise<string> {
  const parts: Buffer[] = [];
  let [size, lines] = [0, 0];
  for await (const part of content) {
    parts.push(part);
    size += part.length;
    lines += linesOf(part);
    if (size > LARGEST_WHOLE_BYTES || lines > MOST_LINES) {
      const most = "256 MiB or two million lines";
      fail(unknownMeasurements(name, `a ${kind} above ${most}: give it in parts, or fewer rows`));
    }
  }
  return Buffer.concat(parts).toString("utf8");
}

/** A trace in JSON, event by event. */
async function jsonTrace({ content }: Member, ranks: number | null): Promise<Trace> {
  const kineto = new KinetoReader();
  const graph = new ChakraReader();
  const events = new EventReader({
    item: (list, value) => {
      if (list === "traceEvents") return kineto.add(value);
      const node = parseChakraNode(value);
      if (node === null) throw new JsonFault("a node without Id, Name or NodeType");
      graph.add(node);
      return true;
    },
    property: (name, value) => kineto.addProperty(name, value),
  });
  for await (const part of content) events.write(part);
  events.end();
  if (events.lists.has("traceEvents")) return kineto.trace(ranks);
  if (events.lists.has("workload_graph")) return graph.trace(ranks);
  throw new JsonFault("JSON, but no trace");
}

/** A trace in protobuf, node by node. */
async function chakraTrace({ content }: Member, ranks: number | null): Promise<Trace> {
  const graph = new ChakraReader();
  const messages = new ChakraMessages((node) => graph.add(node));
  for await (const part of content) messages.write(part);
  messages.end();
  return graph.trace(ranks);
}

async function sourceOf(member: Member, ranks: number | null): Promise<Source> {
  const { name, head } = member;
  const start = head.toString("utf8");
  if (isKareusLog(start)) return { kind: "Kareus log", text: await whole(member, "Kareus log") };
  if (JSON_START.test(start)) return { kind: "trace", trace: await jsonTrace(member, ranks) };
  if (isStageProfile(start))
    return { kind: "stage profile", text: await whole(member, "stage profile") };
  if (isChakra(head)) return { kind: "trace", trace: await chakraTrace(member, ranks) };
  return fail(unknownMeasurements(name, "no format that is known"));
}

/**
 * What a file holds, or each file of an archive. Fails with KRS2010 (unreadable) and KRS2040
 * (unknown, damaged or too large, with the place).
 */
export async function sourcesOf(file: string, ranks: number | null): Promise<Source[]> {
  const sources: Source[] = [];
  let reading = file;
  try {
    for await (const member of membersOf(file)) {
      reading = member.name;
      sources.push(await sourceOf(member, ranks));
    }
  } catch (reason) {
    if (reason instanceof DiagnosticError) throw reason;
    if (reason instanceof JsonFault || reason instanceof ChakraFault)
      return fail(unknownMeasurements(reading, reason.message));
    return fail(unreadableProfile(file, reasonOf(reason)));
  }
  if (sources.length === 0) fail(unknownMeasurements(file, "an archive without a file"));
  return sources;
}
