/** `application/json` as a tree: folded, opened by mouse or keys, long lists in parts, paths and values to copy. */
import "./json.css";
import type { Drawing } from "#kit/renderers.ts";
import { copyText } from "./files.ts";
import { childrenOf, pathOf, summaryOf, type JsonNode } from "./json-nodes.ts";

/** Draws a JSON value. Only what is open is in the page. */
export const drawing: Drawing = {
  render(element, context) {
    const value = parse(context.data);
    const tree = document.createElement("ul");
    tree.className = "kroma-json";
    tree.setAttribute("role", "tree");
    tree.setAttribute("aria-label", "JSON output");
    const root: JsonNode = { key: undefined, value, path: [] };
    tree.append(makeItem(root, 1));
    element.append(tree);
    const first = tree.querySelector<HTMLElement>("[role=treeitem]");
    if (first) {
      first.tabIndex = 0;
      if (first.hasAttribute("aria-expanded") && isSmall(value, context.metadata)) open(first);
    }
    tree.addEventListener("click", (event) => {
      const target = event.target as Element;
      const item = target.closest<HTMLElement>("[role=treeitem]");
      if (!item) return;
      focusItem(tree, item);
      if (!target.closest(".kroma-json-copy")) toggle(item);
    });
    tree.addEventListener("keydown", (event) => onKey(event, tree));
  },
};

interface Entry {
  readonly node: JsonNode;
  readonly level: number;
}
const entries = new WeakMap<Element, Entry>();

function makeItem(node: JsonNode, level: number): HTMLElement {
  const item = document.createElement("li");
  item.setAttribute("role", "treeitem");
  item.setAttribute("aria-level", String(level));
  item.tabIndex = -1;
  entries.set(item, { node, level });
  const row = document.createElement("div");
  row.className = "kroma-json-row";
  if (node.key !== undefined) {
    const key = document.createElement("span");
    key.className = "kroma-json-key";
    key.textContent = typeof node.key === "string" ? node.key : String(node.key);
    row.append(key, ": ");
  }
  const { words, kind } = summaryOf(node);
  const shown = document.createElement("span");
  shown.dataset["kind"] = kind;
  shown.textContent = words;
  row.append(shown);
  if (kind === "list" || kind === "object" || kind === "part") item.setAttribute("aria-expanded", "false");
  item.append(row);
  return item;
}

function open(item: HTMLElement): void {
  const entry = entries.get(item);
  if (!entry || item.getAttribute("aria-expanded") !== "false") return;
  const group = document.createElement("ul");
  group.setAttribute("role", "group");
  for (const child of childrenOf(entry.node)) group.append(makeItem(child, entry.level + 1));
  item.append(group);
  item.setAttribute("aria-expanded", "true");
}

function close(item: HTMLElement): void {
  if (item.getAttribute("aria-expanded") !== "true") return;
  item.querySelector(":scope > ul")?.remove();
  item.setAttribute("aria-expanded", "false");
}

function toggle(item: HTMLElement): void {
  if (item.getAttribute("aria-expanded") === "true") close(item);
  else open(item);
}

/** Moves the tree's tab stop, and the copy buttons with it. */
function focusItem(tree: HTMLElement, item: HTMLElement): void {
  for (const other of tree.querySelectorAll<HTMLElement>("[role=treeitem][tabindex='0']")) other.tabIndex = -1;
  for (const old of tree.querySelectorAll(".kroma-json-copy")) old.remove();
  item.tabIndex = 0;
  item.focus({ preventScroll: true });
  const node = entries.get(item)?.node;
  const row = item.querySelector(":scope > .kroma-json-row");
  if (!node || !row) return;
  const tools = document.createElement("span");
  tools.className = "kroma-json-copy";
  // The tree's keys do the same (C and P), so these are for the pointer only.
  tools.setAttribute("aria-hidden", "true");
  for (const [label, words] of [
    ["Copy value", () => JSON.stringify(node.value, undefined, 2)],
    ["Copy path", () => pathOf(node)],
  ] as const) {
    const button = document.createElement("span");
    button.className = "kroma-json-button";
    button.textContent = label;
    button.addEventListener("click", async () => {
      button.textContent = (await copyText(words())) ? "Copied" : "Not copied";
    });
    tools.append(button);
  }
  row.append(tools);
}

function onKey(event: KeyboardEvent, tree: HTMLElement): void {
  const item = (event.target as Element).closest<HTMLElement>("[role=treeitem]");
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const items = () => [...tree.querySelectorAll<HTMLElement>("[role=treeitem]")];
  const node = entries.get(item)?.node;
  let next: HTMLElement | undefined;
  switch (event.key) {
    case "ArrowDown":
    case "ArrowUp": {
      const all = items();
      next = all[all.indexOf(item) + (event.key === "ArrowDown" ? 1 : -1)];
      break;
    }
    case "ArrowRight":
      if (item.getAttribute("aria-expanded") === "false") open(item);
      else next = item.querySelector<HTMLElement>("[role=treeitem]") ?? undefined;
      break;
    case "ArrowLeft":
      if (item.getAttribute("aria-expanded") === "true") close(item);
      else next = item.parentElement?.closest<HTMLElement>("[role=treeitem]") ?? undefined;
      break;
    case "Home":
      next = items()[0];
      break;
    case "End":
      next = items().at(-1);
      break;
    case "Enter":
    case " ":
      toggle(item);
      break;
    case "c":
      if (node) void copyText(JSON.stringify(node.value, undefined, 2));
      break;
    case "p":
      if (node) void copyText(pathOf(node));
      break;
    default:
      return;
  }
  event.preventDefault();
  event.stopPropagation();
  if (next) {
    focusItem(tree, next);
    next.scrollIntoView({ block: "nearest" });
  }
}

/** JSON types hold the value itself; a string that is JSON text is taken as that. */
function parse(data: unknown): unknown {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return data;
  }
}

function isSmall(value: unknown, metadata: Readonly<Record<string, unknown>>): boolean {
  const facts = metadata["application/json"] as { expanded?: unknown } | undefined;
  if ((facts?.expanded ?? metadata["expanded"]) === true) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length <= 20;
}
