/**
 * Draws a recorder (`application/vnd.kroma.recorder+json`). It never records by itself: a person presses *Record*, the browser
 * asks whether the page may, and the sound becomes a file of the notebook, which its cells read. Nothing is recorded that
 * cannot be seen: when the recorder leaves the screen for good, the recording ends and what there is of it is kept.
 */
import "./recorder.css";
import { maxLength, object, pipe, regex, safeParse, string } from "valibot";
import { KromaError } from "#core/base/errors.ts";
import type { Drawing, RenderContext } from "#kit/renderers.ts";
import { RATE, record, type Recording } from "./microphone.ts";
import { wavFile } from "./wav-file.ts";

/** A WAV file of the workspace, and none of what the notebook keeps for itself. */
const schema = object({ path: pipe(string(), maxLength(1024), regex(/^(?!\.kroma\/|.*(?:^|\/)\.{0,2}\/).+\.wav$/is)) });

const MOST_SECONDS = 600;

/** Shows the recorder, or why there is none. */
export const drawing: Drawing = {
  async render(element, context) {
    const named = safeParse(schema, context.data);
    const { keep } = context;
    const why = !named.success
      ? "This output names no file that can be recorded."
      : context.foreign
        ? "This notebook came from elsewhere. Trust it, and you can record here."
        : keep
          ? undefined
          : "Recording works where the notebook is open and runs.";
    const root = document.createElement("div");
    root.className = "kroma-recorder";
    element.append(root);
    if (why !== undefined || !named.success || !keep) {
      root.append(line(why ?? ""));
      return undefined;
    }
    const { path } = named.output;
    const shown = new Recorder(path, (bytes) => keep(path, bytes));
    root.append(shown.element);
    await shown.showFile(context);
    return () => shown.close();
  },
};

class Recorder {
  readonly element = document.createElement("div");
  readonly #path: string;
  readonly #keep: (bytes: Uint8Array) => Promise<void>;
  readonly #button = document.createElement("button");
  readonly #meter = document.createElement("div");
  readonly #said = line("");
  readonly #player = document.createElement("audio");
  #state: "ready" | "asking" | "recording" | "keeping" = "ready";
  #recording: Recording | undefined;
  #started = 0;
  #isClosed = false;

  constructor(path: string, keep: (bytes: Uint8Array) => Promise<void>) {
    this.#path = path;
    this.#keep = keep;
    this.#button.type = "button";
    this.#button.className = "kroma-recorder-button";
    this.#button.addEventListener("click", () => void (this.#recording ? this.#stop() : this.#start()));
    this.#meter.className = "kroma-recorder-level";
    this.#meter.setAttribute("aria-hidden", "true");
    this.#said.setAttribute("role", "status");
    this.#player.controls = true;
    this.#player.hidden = true;
    this.#player.setAttribute("aria-label", `Sound of ${path}`);
    const row = document.createElement("div");
    row.className = "kroma-recorder-row";
    row.append(this.#button, this.#meter, this.#said);
    this.element.append(row, this.#player);
    this.#turn("ready", `Records into ${path}.`);
  }

  /** What was recorded before. */
  async showFile({ file }: RenderContext): Promise<void> {
    const blob = await file?.(this.#path).catch(() => undefined);
    if (blob && !this.#isClosed) this.#play(blob);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#recording) void this.#stop();
    this.#play(undefined);
  }

  async #start(): Promise<void> {
    if (this.#state !== "ready") return;
    this.#turn("asking", "Waiting for the browser's permission …");
    let recording: Recording;
    try {
      recording = await record();
    } catch (error) {
      return this.#turn("ready", sentenceOf(error));
    }
    this.#recording = recording;
    this.#started = performance.now();
    recording.onEnd(() => void this.#stop());
    if (this.#isClosed) return this.#stop();
    this.#turn("recording", "0:00");
    requestAnimationFrame(() => this.#measure());
  }

  #measure(): void {
    if (!this.#recording || this.#state !== "recording") return;
    const seconds = (performance.now() - this.#started) / 1000;
    if (seconds >= MOST_SECONDS) return void this.#stop();
    this.#meter.style.setProperty("--level", this.#recording.level().toFixed(3));
    const text = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    if (this.#said.textContent !== text) this.#said.textContent = text;
    requestAnimationFrame(() => this.#measure());
  }

  async #stop(): Promise<void> {
    const recording = this.#recording;
    if (!recording) return;
    this.#recording = undefined;
    this.#turn("keeping", "Keeping the recording …");
    try {
      const samples = await recording.stop();
      const bytes = wavFile(samples, RATE);
      await this.#keep(bytes);
      if (!this.#isClosed) this.#play(new Blob([bytes], { type: "audio/wav" }));
      this.#turn("ready", `${(samples.length / RATE).toFixed(1)} seconds are in ${this.#path}.`);
    } catch (error) {
      this.#turn("ready", sentenceOf(error));
    }
  }

  #turn(state: "ready" | "asking" | "recording" | "keeping", words: string): void {
    this.#state = state;
    this.element.dataset["state"] = state;
    this.#button.textContent = state === "recording" ? "Stop" : "Record";
    // A button that is waited for keeps the focus; a disabled one would lose it.
    this.#button.setAttribute("aria-disabled", String(state === "asking" || state === "keeping"));
    this.#said.textContent = words;
    // Seconds that pass are not read out.
    this.#said.setAttribute("aria-live", state === "recording" ? "off" : "polite");
  }

  #play(blob: Blob | undefined): void {
    if (this.#player.src !== "") URL.revokeObjectURL(this.#player.src);
    if (blob) this.#player.src = URL.createObjectURL(blob);
    else this.#player.removeAttribute("src");
    this.#player.hidden = blob === undefined;
  }
}

function line(words: string): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = "kroma-recorder-said";
  element.textContent = words;
  return element;
}

const sentenceOf = (error: unknown): string =>
  error instanceof KromaError ? error.message : "The recording could not be kept. Try again.";
