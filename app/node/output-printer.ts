/** Prints a cell's outputs as text while they come: streams and text/plain to standard output, errors to standard error. */
import type { Output } from "#core/notebook/model.ts";

export interface Streams {
  out(text: string): void;
  error(text: string): void;
}

/**
 * Follows one cell. `show` takes all of its outputs each time and prints what is new. A display that may be updated is
 * followed while it is the last output and only grows, as a chat's answer does; other updates are not printed.
 */
export class OutputPrinter {
  readonly #streams: Streams;
  /** Outputs that are complete, and how much of the one after them is printed. */
  #done = 0;
  #part = 0;
  /** What is printed of a display that may still grow. */
  #grown = "";

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** `isEnd`: nothing comes any more. */
  show(outputs: readonly Output[], isEnd = false): void {
    // clear_output took some away: what comes after it is new.
    if (outputs.length < this.#done) {
      this.#done = 0;
      this.#part = 0;
      this.#grown = "";
    }
    for (let index = this.#done; index < outputs.length; index += 1) {
      const output = outputs[index];
      if (output === undefined) break;
      const isLast = index === outputs.length - 1;
      const mayGrow = output.output_type === "display_data" && output.displayId !== undefined && isLast && !isEnd;
      if (mayGrow || (output.output_type === "display_data" && this.#grown !== "")) {
        this.#done = mayGrow ? index : index + 1;
        this.#printGrowing(plainText(output), !mayGrow);
      } else if (output.output_type === "stream") {
        this.#print(output.name, output.text.slice(this.#part));
        // The last stream may still grow.
        this.#part = isLast ? output.text.length : 0;
        this.#done = isLast ? index : index + 1;
      } else {
        this.#printWhole(output);
        this.#part = 0;
        this.#done = index + 1;
      }
    }
  }

  #print(name: "stdout" | "stderr", text: string): void {
    if (text === "") return;
    if (name === "stdout") this.#streams.out(text);
    else this.#streams.error(text);
  }

  #printWhole(output: Exclude<Output, { output_type: "stream" }>): void {
    if (output.output_type === "error") return this.#streams.error(`${output.traceback.join("\n")}\n`);
    const text = shortened(plainText(output));
    this.#streams.out(text.endsWith("\n") ? text : `${text}\n`);
  }

  #printGrowing(text: string, isWhole: boolean): void {
    if (text.startsWith(this.#grown)) {
      this.#print("stdout", text.slice(this.#grown.length));
      this.#grown = text;
    }
    if (!isWhole) return;
    if (!this.#grown.endsWith("\n")) this.#streams.out("\n");
    this.#grown = "";
  }
}

function plainText({ data }: Extract<Output, { data: unknown }>): string {
  const plain = data["text/plain"];
  return typeof plain === "string" ? plain : `<${Object.keys(data).join(", ")}>`;
}

/** What is longer than that of a data: address tells a reader nothing. */
const SHOWN_OF_DATA = 64;

/** A text in which pictures that are written out stand in short. */
function shortened(text: string): string {
  return text.replace(/\bdata:[\w.+-]+\/[\w.+-]+;base64,[\w+/=]{128,}/g, (address) => {
    const left = address.length - SHOWN_OF_DATA;
    return `${address.slice(0, SHOWN_OF_DATA)}… (${left} more characters)`;
  });
}
