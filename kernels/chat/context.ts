/**
 * What a model is told: the cells above a prompt as messages, within a limit, and the same as text for the person. Only
 * text goes out; of a picture the model learns that it is there.
 */
import type { ChatMessage } from "#core/chat/driver.ts";
import type { SeenCell } from "#core/kernel/kernel.ts";
import type { Output } from "#core/notebook/model.ts";
import { ANSWER_MARK } from "./marks.ts";
import { type Sight, splitSource } from "./source.ts";

/** Characters of all that is above; the oldest goes first. */
export const MAX_CONTEXT = 100_000;
/** Characters of one cell's outputs. */
const MAX_OUTPUT = 4_000;

const SYSTEM = "You answer in a cell of a notebook. Write Markdown, and be brief.";

/** The messages of a request. */
export interface Context {
  readonly messages: readonly ChatMessage[];
  /** Cells that were left out because all was too long. */
  readonly dropped: number;
}

/** What is sent for a prompt below these cells. */
export function contextOf(
  above: readonly SeenCell[],
  prompt: string,
  options: { readonly see: Sight; readonly system?: string },
): Context {
  const told = above.map((cell, index) => messagesOf(cell, index + 1, options.see)).filter((list) => list.length > 0);
  let size = 0;
  let from = told.length;
  while (from > 0) {
    size += told[from - 1]?.reduce((sum, { content }) => sum + content.length, 0) ?? 0;
    if (size > MAX_CONTEXT) break;
    from -= 1;
  }
  const system: ChatMessage = { role: "system", content: options.system ?? SYSTEM };
  const all = [...told.slice(from).flat(), { role: "user", content: prompt } as const];
  return { messages: [system, ...joinUsers(all)], dropped: from };
}

function messagesOf(cell: SeenCell, number: number, see: Sight): readonly ChatMessage[] {
  if (see === "none") return [];
  if (cell.kind === "code" && cell.language === "chat") {
    const answer = answerOf(cell.outputs);
    if (answer === undefined) return [];
    return [
      { role: "user", content: splitSource(cell.source).prompt },
      { role: "assistant", content: answer },
    ];
  }
  return see === "above" && cell.source.trim() !== "" ? [{ role: "user", content: describeCell(cell, number) }] : [];
}

/** A cell as a model reads it. */
export function describeCell(cell: SeenCell, number: number): string {
  if (cell.kind !== "code") return cell.source;
  const output = textOfOutputs(cell.outputs);
  const source = `Cell ${number}, ${cell.language}:\n\n${fenced(cell.source, cell.language)}`;
  return output === "" ? source : `${source}\n\nIts output:\n\n${fenced(output, "text")}`;
}

/** Some models want user and assistant to take turns. */
function joinUsers(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const joined: ChatMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (message.role === "user" && last?.role === "user") {
      joined[joined.length - 1] = { role: "user", content: `${last.content}\n\n${message.content}` };
    } else joined.push(message);
  }
  return joined;
}

function answerOf(outputs: readonly Output[]): string | undefined {
  for (const output of outputs) {
    if (output.output_type !== "display_data" || output.metadata["kroma"] === undefined) continue;
    const { chat } = output.metadata["kroma"] as { readonly chat?: unknown };
    const text = output.data["text/plain"];
    if (chat === ANSWER_MARK && typeof text === "string" && text.trim() !== "") return text;
  }
  return undefined;
}

/** The text of outputs, the middle left out when it is long. */
export function textOfOutputs(outputs: readonly Output[]): string {
  const text = outputs.map(textOf).join("").replaceAll(COLOUR, "").trim();
  return shorten(text, MAX_OUTPUT);
}

// oxlint-disable-next-line no-control-regex -- the escape that begins a colour
const COLOUR = /\u001b\[[\d;]*m/g;

function textOf(output: Output): string {
  if (output.output_type === "stream") return output.text;
  if (output.output_type === "error") return `${output.ename}: ${output.evalue}\n`;
  const plain = output.data["text/plain"] ?? output.data["text/markdown"];
  return `${typeof plain === "string" ? plain : `[${Object.keys(output.data).join(", ")}]`}\n`;
}

/** A text of at most about `most` characters, its middle left out. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor(most / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n… ${left} characters left out …\n${text.slice(-half)}`.toWellFormed();
}

/** A text as a Markdown code block that the text can't end. */
export function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
