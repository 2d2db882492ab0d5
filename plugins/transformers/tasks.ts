/**
 * The tasks of pipelines: what each takes. The names are those of Hugging Face's libraries
 * (https://huggingface.co/docs/transformers.js/api/pipelines); known here, a wrong one is an error before anything is fetched.
 */
import { KromaError } from "#core/base/errors.ts";

/** What a task takes. */
export interface Task {
  readonly name: string;
  /** Its first argument. */
  readonly takes: "text" | "picture" | "sound";
  /** Names of further arguments, in their order; whatever else it is given is an option. */
  readonly further: readonly string[];
  /** It writes text piece by piece, so that it can be stopped between two. */
  readonly writes: boolean;
}

const task = (takes: Task["takes"], options: Partial<Omit<Task, "name" | "takes">> = {}): Omit<Task, "name"> => ({
  takes,
  further: options.further ?? [],
  writes: options.writes ?? false,
});

const LABELS = ["candidate_labels"];
const TASKS: Readonly<Record<string, Omit<Task, "name">>> = {
  "audio-classification": task("sound"),
  "automatic-speech-recognition": task("sound", { writes: true }),
  "background-removal": task("picture"),
  "depth-estimation": task("picture"),
  "document-question-answering": task("picture", { further: ["question"], writes: true }),
  "feature-extraction": task("text"),
  "fill-mask": task("text"),
  "image-classification": task("picture"),
  "image-feature-extraction": task("picture"),
  "image-segmentation": task("picture"),
  "image-to-image": task("picture"),
  "image-to-text": task("picture", { writes: true }),
  "object-detection": task("picture"),
  "question-answering": task("text", { further: ["context"] }),
  summarization: task("text", { writes: true }),
  "text-classification": task("text"),
  "text-generation": task("text", { writes: true }),
  "text-to-audio": task("text"),
  "text2text-generation": task("text", { writes: true }),
  "token-classification": task("text"),
  translation: task("text", { writes: true }),
  "zero-shot-audio-classification": task("sound", { further: LABELS }),
  "zero-shot-classification": task("text", { further: LABELS }),
  "zero-shot-image-classification": task("picture", { further: LABELS }),
  "zero-shot-object-detection": task("picture", { further: LABELS }),
};

const ALIASES: Readonly<Record<string, string>> = {
  asr: "automatic-speech-recognition",
  embeddings: "feature-extraction",
  ner: "token-classification",
  "sentiment-analysis": "text-classification",
  "text-to-speech": "text-to-audio",
};

/** The task of a name. Throws `invalid`, with the names that there are. */
export function taskOf(written: string): Task {
  const name = (Object.hasOwn(ALIASES, written) ? ALIASES[written] : undefined) ?? written;
  const found = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (found) return { name, ...found };
  const names = Object.keys(TASKS).join(", ");
  throw new KromaError("invalid", `There is no task "${written.slice(0, 100)}" for a pipeline; there are: ${names}.`);
}
