/**
 * A chat cell's source: options first, one a line as Quarto writes cell options (`#| key: value`,
 * https://quarto.org/docs/computations/execution-options.html), then the prompt. A value may go on over the next `#|`
 * lines, indented, which a JSON Schema needs.
 */

/** Which cells above a prompt the model sees: the chat so far, everything, or nothing. */
export type Sight = "chat" | "above" | "none";

const OPTION = /^#\| ?([A-Za-z_]+) *:(.*)$/;
const MORE = /^#\|(?=\s{2}|\s*$)(.*)$/;

/** A source apart: its options as text, and what is asked. */
export interface ChatSource {
  readonly fields: Readonly<Record<string, string>>;
  readonly prompt: string;
}

/** Splits a source. Never fails: what is no option is the prompt's. */
export function splitSource(source: string): ChatSource {
  const lines = source.split("\n");
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  let at = 0;
  let name: string | undefined;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const option = OPTION.exec(line);
    const more = name === undefined ? undefined : MORE.exec(line)?.[1];
    if (option) {
      name = option[1] as string;
      fields[name] = (option[2] ?? "").trim();
    } else if (name !== undefined && more !== undefined) {
      fields[name] = `${fields[name]}\n${more}`.trim();
    } else break;
  }
  return { fields, prompt: lines.slice(at).join("\n").trim() };
}
