/**
 * Server-sent events as a stream of their data (WHATWG HTML, "Interpreting an event stream"): only `data` matters to chat
 * completions. Own code because of the limits: a line or an event that never ends is refused before it fills the memory.
 */
import { KromaError } from "#core/base/errors.ts";

/** Characters of one event, and bytes of a whole stream. */
export const MAX_EVENT = 1_000_000;
export const MAX_STREAM = 64_000_000;

const LINE_END = /\r\n|\n|\r(?!$)/;

/** The data of each event, in order. An event that is not closed by an empty line is not given, as the standard says. */
export async function* eventData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let data: string[] = [];
  let size = 0;
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > MAX_STREAM) throw tooMuch("The answer's stream is too long.");
    const part = decoder.decode(chunk, { stream: true });
    // A long line in many chunks is looked at once, not once a chunk.
    const lines = /[\r\n]/.test(part) || text.endsWith("\r") ? (text + part).split(LINE_END) : [text + part];
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield data.join("\n");
        data = [];
        size = 0;
      } else if (line === "data" || line.startsWith("data:")) {
        size += line.length;
        data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
      }
      if (size > MAX_EVENT) throw tooMuch("One piece of the answer is too long.");
    }
    if (text.length > MAX_EVENT) throw tooMuch("One piece of the answer is too long.");
  }
}

const tooMuch = (sentence: string): KromaError =>
  new KromaError("exhausted", `${sentence} It was not read to its end.`);
