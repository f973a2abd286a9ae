import { at } from "../../../base/need.js";

type Child = Node | string;

/** An element with its text and children; names from elsewhere only ever become text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** The element of that id; the page was written with it. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** The select element of that id. */
export function selectById(id: string): HTMLSelectElement {
  const found = byId(id);
  if (!(found instanceof HTMLSelectElement)) throw new Error(`#${id} is not a select`);
  return found;
}

/** The input element of that id. */
export function inputById(id: string): HTMLInputElement {
  const found = byId(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is not an input`);
  return found;
}

/** The button of that id. */
export function buttonById(id: string): HTMLButtonElement {
  const found = byId(id);
  if (!(found instanceof HTMLButtonElement)) throw new Error(`#${id} is not a button`);
  return found;
}

type Column = readonly [title: string, kind: "number" | "text"];

/** A table; the first cell of a row is its header, and each other knows its column, which a phone shows beside it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Child[])[],
  caption?: string,
): HTMLTableElement {
  const kinds = columns.map(([, kind]) => (kind === "text" ? "text" : ""));
  const head = columns.map(([title], i) =>
    element("th", { scope: "col", className: at(kinds, i) }, title),
  );
  const body = rows.map((cells) => {
    const row = cells.map((cell, i) => {
      if (i === 0) return element("th", { scope: "row", className: at(kinds, i) }, cell);
      const made = element("td", { className: at(kinds, i) }, cell);
      made.setAttribute("data-column", at(columns, i)[0]);
      return made;
    });
    return element("tr", {}, ...row);
  });
  const made = element("table", { className: "cards" });
  if (caption !== undefined) made.append(element("caption", {}, caption));
  made.append(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  return made;
}

/** A tip at the pointer: what it is, then one fact a line. */
export function tip(title: string, facts: readonly string[]): HTMLElement {
  const lines = facts.map((fact) => element("div", {}, fact));
  return element("div", { className: "tip" }, element("strong", {}, title), ...lines);
}

/** A key beside a chart: patches of colour and what they mean. */
export function key(entries: readonly (readonly [colour: string, text: string, shape?: string])[]) {
  return entries.map(([colour, text, shape = ""]) => {
    const patch = element("i", { className: shape });
    patch.style.cssText = colour;
    return element("span", {}, patch, text);
  });
}

/** Fills a closed part of the page when it is opened first, and again when its content changes. */
export function lazily(id: string): (make: () => Node) => void {
  const details = byId(id);
  const content = details.querySelector(".scroll");
  if (!(details instanceof HTMLDetailsElement) || content === null) {
    throw new Error(`#${id} cannot be opened`);
  }
  let current: (() => Node) | null = null;
  let shown: (() => Node) | null = null;
  const show = () => {
    if (!details.open || current === null || shown === current) return;
    shown = current;
    content.replaceChildren(current());
  };
  details.addEventListener("toggle", show);
  return (make) => {
    current = make;
    show();
  };
}
