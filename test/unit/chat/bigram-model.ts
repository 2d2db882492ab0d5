/**
 * A language model of about 100 kB that is made on the spot: a bigram table, written as a GGUF file of the architecture
 * "llama" (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Each word is a basis vector, attention and the
 * feed-forward part are zero, so the output's weights alone say which word follows which. It says what it was made to
 * say after any prompt, and llama.cpp takes it for any other model: tokens, template, grammar and stop are the real ones.
 */

/** What the model is to say, and how it is to differ from one that is in order. */
export interface BigramModel {
  /** Its words, each once, in their order; the first comes after any prompt. */
  readonly words: readonly string[];
  /** It begins again after its last word, for ever. */
  readonly endless?: boolean;
  /** Tokens that a prompt and its answer may have together; 256 unless told. */
  readonly context?: number;
  readonly architecture?: string;
  /** Jinja; of no use to a model but to have one. */
  readonly template?: string;
}

/** What messages look like to the model. */
export const BIGRAM_TEMPLATE =
  "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|assistant|>{% endif %}";

const UINT32 = 4;
const FLOAT32 = 6;
const BOOLEAN = 7;
const TEXT = 8;
const LIST = 9;
const INT32 = 5;
const ALIGNMENT = 32;
/** Kinds of tokens, as llama.cpp numbers them. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

/** Unknown, begin, end, one for each byte, without which there are texts that can't be spelled, and the space. */
const BASE = 3 + 256 + 1;
/** How this kind of tokens writes a space. */
const SPACE = "▁";
const HEADS = 4;
const FEED_FORWARD = 32;
/** What a following word gets over all others, before the softmax. */
const LIKELY = 30;

/** The bytes of the model's file. */
export function bigramModel(model: BigramModel): Uint8Array<ArrayBuffer> {
  const { words, endless = false, context = 256, architecture = "llama", template = BIGRAM_TEMPLATE } = model;
  const vocabulary = BASE + words.length;
  // The first vector stands for everything that is no word; rotary positions want an even size for each head.
  const size = Math.ceil((words.length + 1) / (2 * HEADS)) * 2 * HEADS;
  const tokens = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
    SPACE,
    ...words.map((word) => word.replaceAll(" ", SPACE)),
  ];
  const kinds = [UNKNOWN, CONTROL, CONTROL, ...Array<number>(256).fill(BYTE), NORMAL, ...words.map(() => NORMAL)];
  const embedding = new Float32Array(vocabulary * size);
  const output = new Float32Array(vocabulary * size);
  const vectorOf = (token: number): number => (token < BASE ? 0 : token - BASE + 1);
  for (let token = 0; token < vocabulary; token += 1) embedding[token * size + vectorOf(token)] = 1;
  // A vector of length one becomes √size times as long by the norm.
  const weight = LIKELY / Math.sqrt(size);
  const follow = (vector: number, token: number): void => void (output[token * size + vector] = weight);
  follow(0, BASE);
  for (const [index] of words.entries())
    follow(index + 1, index + 1 < words.length ? BASE + index + 1 : endless ? BASE : 2);

  const square = new Float32Array(size * size);
  const wide = new Float32Array(size * FEED_FORWARD);
  const ones = new Float32Array(size).fill(1);
  const tensors: readonly Tensor[] = [
    ["token_embd.weight", [size, vocabulary], embedding],
    ["output_norm.weight", [size], ones],
    ["output.weight", [size, vocabulary], output],
    ["blk.0.attn_norm.weight", [size], ones],
    ["blk.0.ffn_norm.weight", [size], ones],
    ["blk.0.attn_q.weight", [size, size], square],
    ["blk.0.attn_k.weight", [size, size], square],
    ["blk.0.attn_v.weight", [size, size], square],
    ["blk.0.attn_output.weight", [size, size], square],
    ["blk.0.ffn_gate.weight", [size, FEED_FORWARD], wide],
    ["blk.0.ffn_up.weight", [size, FEED_FORWARD], wide],
    ["blk.0.ffn_down.weight", [FEED_FORWARD, size], wide],
  ];
  return write(
    [
      ["general.architecture", TEXT, architecture],
      ["general.name", TEXT, "bigram"],
      [`${architecture}.context_length`, UINT32, context],
      [`${architecture}.embedding_length`, UINT32, size],
      [`${architecture}.block_count`, UINT32, 1],
      [`${architecture}.feed_forward_length`, UINT32, FEED_FORWARD],
      [`${architecture}.attention.head_count`, UINT32, HEADS],
      [`${architecture}.attention.head_count_kv`, UINT32, HEADS],
      [`${architecture}.attention.layer_norm_rms_epsilon`, FLOAT32, 1e-9],
      [`${architecture}.rope.dimension_count`, UINT32, size / HEADS],
      [`${architecture}.vocab_size`, UINT32, vocabulary],
      ["general.file_type", UINT32, 0],
      ["tokenizer.ggml.model", TEXT, "llama"],
      ["tokenizer.ggml.tokens", LIST, tokens],
      ["tokenizer.ggml.scores", LIST, new Float32Array(vocabulary)],
      ["tokenizer.ggml.token_type", LIST, new Int32Array(kinds)],
      ["tokenizer.ggml.bos_token_id", UINT32, 1],
      ["tokenizer.ggml.eos_token_id", UINT32, 2],
      // Else the tokens of a template's end spell another text than the template, which a grammar that follows it refuses.
      ["tokenizer.ggml.add_space_prefix", BOOLEAN, false],
      ["tokenizer.chat_template", TEXT, template],
    ],
    tensors,
  );
}

type Tensor = readonly [name: string, dimensions: readonly number[], data: Float32Array<ArrayBuffer>];
type Entry =
  | readonly [key: string, type: typeof UINT32 | typeof FLOAT32, value: number]
  | readonly [key: string, type: typeof BOOLEAN, value: boolean]
  | readonly [key: string, type: typeof TEXT, value: string]
  | readonly [key: string, type: typeof LIST, value: readonly string[] | Float32Array | Int32Array];

function write(entries: readonly Entry[], tensors: readonly Tensor[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const scratch = new DataView(new ArrayBuffer(8));
  const put = (length: number, set: () => void): void => {
    set();
    for (let index = 0; index < length; index += 1) bytes.push(scratch.getUint8(index));
  };
  const uint32 = (value: number): void => put(4, () => scratch.setUint32(0, value, true));
  const uint64 = (value: number): void => put(8, () => scratch.setBigUint64(0, BigInt(value), true));
  const float32 = (value: number): void => put(4, () => scratch.setFloat32(0, value, true));
  const text = (value: string): void => {
    const encoded = new TextEncoder().encode(value);
    uint64(encoded.length);
    for (const byte of encoded) bytes.push(byte);
  };
  const pad = (): void => {
    while (bytes.length % ALIGNMENT !== 0) bytes.push(0);
  };
  const list = (value: readonly string[] | Float32Array | Int32Array): void => {
    uint32(value instanceof Float32Array ? FLOAT32 : value instanceof Int32Array ? INT32 : TEXT);
    uint64(value.length);
    for (const item of value) {
      if (typeof item === "string") text(item);
      else if (value instanceof Float32Array) float32(item);
      else put(4, () => scratch.setInt32(0, item, true));
    }
  };

  bytes.push(...new TextEncoder().encode("GGUF"));
  uint32(3);
  uint64(tensors.length);
  uint64(entries.length);
  for (const [key, type, value] of entries) {
    text(key);
    uint32(type);
    if (type === UINT32) uint32(value);
    else if (type === FLOAT32) float32(value);
    else if (type === BOOLEAN) bytes.push(value ? 1 : 0);
    else if (type === TEXT) text(value);
    else if (type === LIST) list(value);
  }
  let offset = 0;
  for (const [name, dimensions, data] of tensors) {
    text(name);
    uint32(dimensions.length);
    for (const dimension of dimensions) uint64(dimension);
    uint32(0);
    uint64(offset);
    offset += Math.ceil(data.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  pad();
  const head = Uint8Array.from(bytes);
  const file = new Uint8Array(head.length + offset);
  file.set(head);
  let at = head.length;
  for (const [, , data] of tensors) {
    file.set(new Uint8Array(data.buffer), at);
    at += Math.ceil(data.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  return file;
}
