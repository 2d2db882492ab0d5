/**
 * Small models of transformers with all files that belong to one, which really do what their task says, by tables that are written
 * here: bags of words, words that go together, the colour of a picture. Real files for the real library.
 */
import { makeModel } from "../onnx/make-model.ts";

/** A repository: its files by their names. */
export type Repository = Readonly<Record<string, Uint8Array>>;

const WORDS = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  "good",
  "bad",
  "paris",
  "rome",
  "is",
  "in",
  "france",
  "italy",
];
const idOf = (word: string): number => WORDS.indexOf(word);

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A table with a row for each word; rows that are not named are zeros. */
function table(width: number, rows: Readonly<Record<string, readonly number[]>>) {
  const data = new Float32Array(WORDS.length * width);
  for (const [word, row] of Object.entries(rows)) data.set(row, idOf(word) * width);
  return { shape: [WORDS.length, width], data };
}

const special = (content: string) => ({
  id: idOf(content),
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const tokenizer: Repository = {
  "tokenizer.json": json({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(special),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
      ],
      pair: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((token) => [token, { id: token, ids: [idOf(token)], tokens: [token] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  }),
  "tokenizer_config.json": json({
    tokenizer_class: "BertTokenizer",
    model_max_length: 64,
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    mask_token: "[MASK]",
  }),
};

const text = { input_ids: ["int64", ["batch", "length"]], attention_mask: ["int64", ["batch", "length"]] } as const;

/** A sentence is as positive as its words: "good" and "bad" count. */
export const sentiment = (): Repository => ({
  ...tokenizer,
  "config.json": json({
    model_type: "bert",
    architectures: ["BertForSequenceClassification"],
    id2label: { 0: "NEGATIVE", 1: "POSITIVE" },
    label2id: { NEGATIVE: 0, POSITIVE: 1 },
  }),
  "onnx/model.onnx": makeModel({
    inputs: text,
    outputs: { logits: ["float32", ["batch", 2]] },
    nodes: [
      { op: "Gather", inputs: ["words", "input_ids"], outputs: ["scores"] },
      { op: "Einsum", inputs: ["scores"], outputs: ["logits"], attributes: { equation: "bsl->bl" } },
    ],
    weights: { words: table(2, { good: [-2, 2], bad: [2, -2] }) },
    opset: 12,
  }),
});

/** A word's vector: [is it good or bad, is it a place, 1]. */
export const embedding = (): Repository => ({
  ...tokenizer,
  "config.json": json({ model_type: "bert", architectures: ["BertModel"] }),
  "onnx/model.onnx": makeModel({
    inputs: text,
    outputs: { last_hidden_state: ["float32", ["batch", "length", 3]] },
    nodes: [{ op: "Gather", inputs: ["words", "input_ids"], outputs: ["last_hidden_state"] }],
    weights: {
      words: table(3, { good: [3, 0, 0], bad: [-3, 0, 0], paris: [0, 3, 0], rome: [0, 3, 0], france: [0, 3, 3] }),
    },
    opset: 12,
  }),
});

/** What is missing in a sentence goes with its other words. */
export const completion = (): Repository => {
  const goesWith = (...words: readonly string[]): number[] => WORDS.map((word) => (words.includes(word) ? 5 : 0));
  return {
    ...tokenizer,
    "config.json": json({ model_type: "bert", architectures: ["BertForMaskedLM"] }),
    "onnx/model.onnx": makeModel({
      inputs: text,
      outputs: { logits: ["float32", ["batch", "length", WORDS.length]] },
      nodes: [
        { op: "Gather", inputs: ["pairs", "input_ids"], outputs: ["each"] },
        { op: "ReduceSum", inputs: ["each"], outputs: ["all"], attributes: { axes: [1], keepdims: 1 } },
        { op: "Add", inputs: ["each", "all"], outputs: ["logits"] },
      ],
      weights: { pairs: table(WORDS.length, { paris: goesWith("france"), rome: goesWith("italy") }) },
      opset: 12,
    }),
  };
};

/** A picture is as red, green or blue as it is on average. */
export const colour = (): Repository => ({
  "config.json": json({
    model_type: "vit",
    architectures: ["ViTForImageClassification"],
    id2label: { 0: "red", 1: "green", 2: "blue" },
  }),
  "preprocessor_config.json": json({
    image_processor_type: "ViTImageProcessor",
    do_resize: true,
    size: { height: 4, width: 4 },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  }),
  "onnx/model.onnx": makeModel({
    inputs: { pixel_values: ["float32", ["batch", 3, "height", "width"]] },
    outputs: { logits: ["float32", ["batch", 3]] },
    nodes: [
      { op: "GlobalAveragePool", inputs: ["pixel_values"], outputs: ["means"] },
      { op: "Flatten", inputs: ["means"], outputs: ["logits"], attributes: { axis: 1 } },
    ],
  }),
});

/** Writes on by the word that goes behind the last one, as a decoder with its cache of keys and values. "good" never ends. */
export const writing = (): Repository => {
  const past = ["float32", ["batch", 1, "past", 1]] as const;
  const present = ["float32", ["batch", 1, "all", 1]] as const;
  const followedBy = (word: string): number[] => WORDS.map((other) => (other === word ? 9 : 0));
  return {
    ...tokenizer,
    "config.json": json({
      model_type: "gpt2",
      architectures: ["GPT2LMHeadModel"],
      n_layer: 1,
      n_head: 1,
      n_embd: 1,
      eos_token_id: idOf("[SEP]"),
      pad_token_id: idOf("[PAD]"),
    }),
    "onnx/model.onnx": makeModel({
      inputs: { ...text, "past_key_values.0.key": past, "past_key_values.0.value": past },
      outputs: {
        logits: ["float32", ["batch", "length", WORDS.length]],
        "present.0.key": present,
        "present.0.value": present,
      },
      nodes: [
        { op: "Gather", inputs: ["next", "input_ids"], outputs: ["logits"] },
        { op: "Cast", inputs: ["input_ids"], outputs: ["numbers"], attributes: { to: 1 } },
        { op: "Unsqueeze", inputs: ["numbers"], outputs: ["new"], attributes: { axes: [1, 3] } },
        ...["key", "value"].map((name) => ({
          op: "Concat",
          inputs: [`past_key_values.0.${name}`, "new"],
          outputs: [`present.0.${name}`],
          attributes: { axis: 2 },
        })),
      ],
      weights: {
        next: table(WORDS.length, {
          rome: followedBy("is"),
          is: followedBy("in"),
          in: followedBy("italy"),
          italy: followedBy("[SEP]"),
          good: followedBy("good"),
        }),
      },
      opset: 12,
    }),
  };
};
