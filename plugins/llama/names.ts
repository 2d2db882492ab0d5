/** What names a language model's file. */

/** The ending of llama.cpp's model files. */
export const MODEL_ENDING = ".gguf";

/** Whether a name in a cell means such a file: a path, an address, or a file of a hub. */
export const isModelFile = (name: string): boolean => name.toLowerCase().endsWith(MODEL_ENDING);
