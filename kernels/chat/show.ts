/** How a run of a chat cell looks: what the model was told, folded, and below it the answer as it grows. */
import type { ChatMessage } from "#core/chat/driver.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { fenced } from "./context.ts";
import type { TurnState } from "./turn.ts";

/** Where the words went. */
export interface Place {
  readonly model: string;
  readonly place: string;
  /** Cells that were left out. */
  readonly dropped: number;
}

/** What the model was told and how it went: one line that unfolds. */
export function seenBundle(state: TurnState, where: Place): MimeBundle {
  const line = seenLine(state, where);
  const parts = state.messages.map(
    (message) =>
      `**${titleOf(message)}**\n\n${fenced(bodyOf(message), message.role === "assistant" ? "markdown" : "text")}`,
  );
  const left =
    where.dropped === 0 ? [] : [`${where.dropped} cells at the top were left out, because all together was too long.`];
  const folded = [
    "<details>",
    `<summary><small>${escapeHtml(line)}</small></summary>`,
    ...left,
    ...parts,
    "</details>",
  ].join("\n\n");
  return { "text/markdown": folded, "text/plain": line };
}

function seenLine(state: TurnState, { model, place }: Place): string {
  const { messages, isDone, isBroken, cut } = state;
  const size = messages.reduce((sum, message) => sum + bodyOf(message).length, 0);
  const where = place === "this browser" ? "in" : place === "this computer" ? "on" : "at";
  const who = model === "" ? place : `${model} ${where} ${place}`;
  const what = `${counted(messages.length, "message")}, ${counted(size, "character")}`;
  // Whether what failed had seen them nobody knows.
  if (isDone && isBroken === true && state.tokens === 0) return `For ${who}: ${what} · no answer came`;
  const saw = `${who} saw ${what}`;
  if (!isDone) return saw;
  const end = cut === "length" ? " · cut at its limit of tokens" : cut === "filtered" ? " · held back in part" : "";
  return `${saw} · ${rateOf(state) || "it said nothing"}${end}`;
}

/** The answer, with how fast it comes below it while it comes. */
export function answerBundle(state: TurnState, isJson: boolean): MimeBundle {
  const { text, isDone } = state;
  const shown = isJson && text !== "" ? fenced(text, "json") : text;
  return {
    "text/markdown": isDone ? shown : `${closed(shown)}\n\n<small>${asItIs(statusOf(state))}</small>`.trimStart(),
    "text/plain": text,
  };
}

function statusOf(state: TurnState): string {
  if (state.stage !== undefined) return state.stage;
  const what = state.isThinking ? "Thinking" : state.text === "" ? "Waiting" : "Answering";
  return `${what} … ${rateOf(state)}`.trimEnd();
}

/** A text whose last code block is closed, so that what follows is not in it. */
function closed(text: string): string {
  const fences = text.match(/^ {0,3}(?:```|~~~)/gm) ?? [];
  return fences.length % 2 === 0 ? text : `${text}\n${fences.at(-1)}`;
}

function rateOf({ tokens, speaking, waiting }: TurnState): string {
  if (tokens === 0) return "";
  const each = speaking > 0 && tokens > 1 ? (tokens * 1000) / speaking : undefined;
  // Tenths matter to a slow model only.
  const shown = each === undefined || each < 100 ? each?.toFixed(1) : Math.round(each).toLocaleString("en");
  const rate = shown === undefined ? "" : `, ${shown} tokens/s`;
  const first = waiting === undefined ? "" : `, first after ${(waiting / 1000).toFixed(1)} s`;
  return `${counted(tokens, "token")}${rate}${first}`;
}

function titleOf(message: ChatMessage): string {
  switch (message.role) {
    case "system":
      return "System";
    case "user":
      return "User";
    case "assistant":
      return "Assistant";
    case "tool":
      return "Tool";
  }
}

function bodyOf(message: ChatMessage): string {
  if (message.role !== "assistant" || !message.toolCalls) return message.content;
  const calls = message.toolCalls.map(({ name, arguments: given }) => `${name}(${given})`);
  return [message.content, ...calls].filter((part) => part !== "").join("\n");
}

/** A text that Markdown shows as it is. */
const asItIs = (text: string): string => escapeHtml(text.replaceAll(/[\\`*_[\]|~]/g, String.raw`\$&`));

const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
