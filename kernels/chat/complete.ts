/** Completion in a chat cell: the names of options at the start of a `#|` line, and the words that some of them take. */
import type { CompleteReply } from "#core/kernel/messages.ts";
import { OPTION_NAMES } from "./options.ts";
import { TOOL_NAMES } from "./tools.ts";

const WORDS: Readonly<Record<string, readonly string[]>> = { see: ["chat", "above", "none"], tools: TOOL_NAMES };

/** What fits at `cursor`. */
export function completeOptions(code: string, cursor: number): Omit<CompleteReply, "type" | "parent"> {
  const line = code.slice(code.lastIndexOf("\n", cursor - 1) + 1, cursor);
  const name = /^#\| ?(\w*)$/.exec(line)?.[1];
  const value = /^#\| ?(\w+) *:(?:.*[ ,[])?(\w*)$/.exec(line);
  const typed = name ?? value?.[2] ?? "";
  const choices =
    name === undefined
      ? (WORDS[value?.[1] ?? ""] ?? []).map((label) => ({ label }))
      : Object.entries(OPTION_NAMES).map(([label, detail]) => ({ label, detail }));
  const matches = choices.filter(({ label }) => label.startsWith(typed));
  return { matches, start: cursor - typed.length, end: cursor };
}
