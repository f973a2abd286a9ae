const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text that shows as itself, between tags and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

/** JSON that may stand between script tags: no name in it can end them. */
export function embeddedJson(data: unknown): string {
  return JSON.stringify(data).replace(/</g, "\\u003c");
}
