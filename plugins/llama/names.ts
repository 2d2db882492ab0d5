/** What names a language model's file. */

/** The ending of llama.cpp's model files. */
export const MODEL_ENDING = ".gguf";

/** Addresses of which no server has a model: content, whose last part is its hash, and files of a hub. */
const ADDRESS = /^(?:ipfs:\/\/|\/ipfs\/|hub:|hf:\/\/|baf[a-z2-7]{50,}$|Qm[1-9A-HJ-NP-Za-km-z]{44}$)/;

/** Whether a name in a cell means such a file: a path, an address, a CID, or a file of a hub. */
export const isModelFile = (name: string): boolean => name.toLowerCase().endsWith(MODEL_ENDING) || ADDRESS.test(name);
