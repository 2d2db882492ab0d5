/**
 * The part of the Prompt API that is used (https://webmachinelearning.github.io/prompt-api/), as TypeScript has it not yet.
 * It is a browser's own and new, so what it says is looked at before it is believed.
 */

/** What a cell names it by. */
export const OWN_MODEL = "browser";

/** How near it is. */
export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

/** One message to it. */
export interface Prompt {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A conversation with it. */
export interface LanguageModelSession {
  promptStreaming(
    input: readonly Prompt[],
    options: { readonly signal: AbortSignal; readonly responseConstraint?: object },
  ): ReadableStream<unknown>;
  destroy(): void;
}

/** The API itself. */
export interface LanguageModelApi {
  availability(options?: object): Promise<string>;
  create(options: {
    readonly initialPrompts?: readonly Prompt[];
    readonly signal: AbortSignal;
    readonly monitor: (monitor: EventTarget) => void;
  }): Promise<LanguageModelSession>;
}

/** This browser's, if it has one. */
export const ownLanguageModel = (): LanguageModelApi | undefined =>
  (globalThis as { readonly LanguageModel?: LanguageModelApi }).LanguageModel;

/** How near it is; what is not understood counts as unavailable. Never rejects. */
export async function readAvailability(api: LanguageModelApi): Promise<Availability> {
  try {
    const said = await api.availability();
    return said === "available" || said === "downloadable" || said === "downloading" ? said : "unavailable";
  } catch {
    // Where a page may not ask, there is none for it.
    return "unavailable";
  }
}
