/** How the outputs of a chat cell are told apart: `metadata.kroma.chat`, which also .ipynb files keep. */

/** The answer. */
export const ANSWER_MARK = "answer";
/** What the model was told, and how it went. */
export const SEEN_MARK = "seen";
