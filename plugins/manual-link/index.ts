/** Links that two people make by copying texts, with no server: see connection.ts, which is loaded when it is asked for. */
import type { ManualAnswer, ManualLinkOptions, ManualOffer } from "./connection.ts";

/** Makes an offer for another person. Rejects with `unavailable` where there is no WebRTC. */
export async function makeOffer(options: ManualLinkOptions = {}): Promise<ManualOffer> {
  const connection = await import("./connection.ts");
  return connection.makeOffer(options);
}

/** Answers another person's offer. Rejects with `invalid` and a sentence for a person when the text is none. */
export async function answerOffer(text: string, options: ManualLinkOptions = {}): Promise<ManualAnswer> {
  const connection = await import("./connection.ts");
  return connection.answerOffer(text, options);
}
