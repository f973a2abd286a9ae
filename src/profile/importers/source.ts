import { DiagnosticError, fail } from "../../base/diagnostics/diagnostic.js";
import { unknownMeasurements, unreadableProfile } from "../../base/diagnostics/profile.js";
import { reasonOf } from "../../base/files.js";
import { isStageProfile } from "../stage-profile.js";
import { type ChakraNode, decodeChakra, parseChakraNode, readChakra } from "./chakra.js";
import { EventReader, JsonFault } from "./json-events.js";
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

/** Its first two signs: a Chakra trace may begin with a bracket too, but goes on with lengths. */
const JSON_START = /^\s*[[{]\s*([!-~]|$)/;

async function whole({ name, content }: Member): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of content) {
    size += part.length;
    if (size > LARGEST_WHOLE_BYTES) fail(unknownMeasurements(name, "it is too large"));
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** A trace in JSON, event by event. */
async function jsonTrace(member: Member, ranks: number | null): Promise<Trace> {
  const kineto = new KinetoReader();
  const nodes: ChakraNode[] = [];
  const bare = /^\s*\[/.test(member.head.toString("latin1"));
  const item = (list: string, value: unknown): boolean => {
    if (list === "traceEvents") return kineto.add(value);
    const node = parseChakraNode(value);
    if (node === null) throw new JsonFault("a node without Id, Name or NodeType");
    nodes.push(node);
    return true;
  };
  const events = new EventReader(
    { item, properties: (value) => kineto.addProperties(value) },
    bare,
  );
  for await (const part of member.content) events.write(part);
  events.end();
  if (events.lists.has("traceEvents")) return kineto.trace();
  if (events.lists.has("workload_graph")) return readChakra(nodes, ranks);
  throw new JsonFault("JSON, but no trace");
}

async function sourceOf(member: Member, ranks: number | null): Promise<Source> {
  const { name, head } = member;
  const start = head.toString("utf8");
  if (JSON_START.test(start) && !isKareusLog(start)) {
    return { kind: "trace", trace: await jsonTrace(member, ranks) };
  }
  const bytes = await whole(member);
  // A line feed may also be the length of a Chakra trace's first message.
  const nodes = decodeChakra(bytes);
  if (nodes !== null) return { kind: "trace", trace: readChakra(nodes, ranks) };
  const text = bytes.toString("utf8");
  if (isStageProfile(text)) return { kind: "stage profile", text };
  if (isKareusLog(text)) return { kind: "Kareus log", text };
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
    if (reason instanceof JsonFault) return fail(unknownMeasurements(reading, reason.message));
    return fail(unreadableProfile(file, reasonOf(reason)));
  }
  if (sources.length === 0) fail(unknownMeasurements(file, "an archive without a file"));
  return sources;
}
