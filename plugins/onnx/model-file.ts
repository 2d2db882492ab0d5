/**
 * What can be seen of a model's file before onnxruntime is given it: whether it is an ONNX file and all of one, which
 * operator sets it wants, which files hold its weights. The field numbers are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Onnxruntime says of all of these only that parsing failed.
 */
import { KromaError } from "#core/base/errors.ts";
import { CutOff, type Field, fieldsOf, textOf } from "./protobuf.ts";

/** What a model's file says of itself. */
export interface ModelFile {
  readonly irVersion: number;
  readonly producer: string;
  /** Operator sets by domain; "" is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Operators that are used, as "domain:Name" or "Name". */
  readonly operators: readonly string[];
  /** Files beside the model that hold weights, by the names it uses. */
  readonly external: readonly string[];
}

const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 } as const;
const GRAPH = { node: 1, initializer: 5 } as const;
const NODE = { operator: 4, domain: 7, attribute: 5 } as const;
const ATTRIBUTE = { tensor: 5, graph: 6 } as const;
const TENSOR = { external: 13 } as const;
/** The newest intermediate representation is 13; a number far above is no version. */
const LARGEST_IR = 100;
const DEEPEST_GRAPH = 32;

/** Reads a file. `name` is for sentences. Throws `invalid` when it is another kind of file, `corrupt` when it is cut off. */
export function readModelFile(name: string, bytes: Uint8Array): ModelFile {
  const other = otherKind(bytes);
  if (other !== undefined) throw new KromaError("invalid", `${name} is not an ONNX model: ${other}.`);
  let irVersion: number | undefined;
  let producer = "";
  let graph: Uint8Array | undefined;
  const opsets: Record<string, number> = {};
  try {
    for (const field of fieldsOf(bytes)) {
      if (field.number === MODEL.irVersion && field.wire === 0) irVersion = field.value;
      if (irVersion !== undefined && (irVersion < 1 || irVersion > LARGEST_IR)) throw new Error("no version");
      if (field.wire !== 2) continue;
      if (field.number === MODEL.producer) producer = textOf(field);
      else if (field.number === MODEL.graph) graph = field.bytes;
      else if (field.number === MODEL.opset) {
        const { domain, version } = readOpset(field);
        opsets[domain] = version;
      }
    }
  } catch (error) {
    // A model begins with its version: what does not was something else before it was cut off.
    if (error instanceof CutOff && irVersion !== undefined) {
      const there = `${bytes.length} bytes are there, at least ${error.missing} more are missing`;
      throw new KromaError("corrupt", `${name} is cut off: ${there}. Fetch it again.`);
    }
    throw new KromaError("invalid", `${name} is not an ONNX model.`);
  }
  if (!graph) {
    if (irVersion === undefined) throw new KromaError("invalid", `${name} is not an ONNX model: it is empty.`);
    throw new KromaError("corrupt", `${name} is cut off: it has no graph. Fetch it again.`);
  }
  const found = { operators: new Set<string>(), external: new Set<string>() };
  try {
    readGraph(graph, found, 0);
  } catch {
    throw new KromaError("corrupt", `${name} is damaged: its graph can't be read. Fetch it again.`);
  }
  return {
    irVersion: irVersion ?? 0,
    producer,
    opsets,
    operators: [...found.operators],
    external: [...found.external],
  };
}

/** Names of the files beside it in which a model keeps weights; none of what is no model, or can't be read as one. */
export function externalFiles(bytes: Uint8Array): readonly string[] {
  try {
    return readModelFile("it", bytes).external;
  } catch (error) {
    // A model of another kind, or a damaged one: whoever loads it is told what it is.
    if (error instanceof KromaError) return [];
    throw error;
  }
}

/** Files that people take for a model, told by how they begin. */
function otherKind(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "it is empty";
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  if (/^\s*<(?:!doctype|html|head|\?xml)/i.test(start)) return "it is a web page; perhaps a server answered with one";
  if (start.startsWith("version https://git-lfs")) return "it is a Git LFS pointer and not the file that it points to";
  if (start.startsWith("GGUF")) return "it is a GGUF file, for llama.cpp";
  if (start.startsWith("PK\u0003\u0004")) return "it is a ZIP archive, as PyTorch writes for example";
  if (start.startsWith("\u0089HDF")) return "it is an HDF5 file, as Keras writes";
  if (start.slice(4, 8) === "TFL3") return "it is a TensorFlow Lite model";
  if (start.slice(4, 8) === "ORTM") return "it is in onnxruntime's own format, which other builds of it can't read";
  if (/^\s*[[{]/.test(start)) return "it is JSON";
  return undefined;
}

function readOpset(field: Field): { readonly domain: string; readonly version: number } {
  let domain = "";
  let version = 0;
  for (const part of fieldsOf(field.bytes)) {
    if (part.number === 1) domain = textOf(part);
    else if (part.number === 2) version = part.value;
  }
  return { domain: domain === "ai.onnx" ? "" : domain, version };
}

interface Found {
  readonly operators: Set<string>;
  readonly external: Set<string>;
}

function readGraph(bytes: Uint8Array, found: Found, depth: number): void {
  if (depth > DEEPEST_GRAPH) throw new Error("graphs within graphs without end");
  for (const field of fieldsOf(bytes)) {
    if (field.number === GRAPH.initializer) readTensor(field.bytes, found);
    else if (field.number === GRAPH.node) readNode(field.bytes, found, depth);
  }
}

function readNode(bytes: Uint8Array, found: Found, depth: number): void {
  let operator = "";
  let domain = "";
  for (const field of fieldsOf(bytes)) {
    if (field.number === NODE.operator) operator = textOf(field);
    else if (field.number === NODE.domain) domain = textOf(field);
    else if (field.number === NODE.attribute && field.wire === 2) {
      for (const part of fieldsOf(field.bytes)) {
        if (part.number === ATTRIBUTE.graph) readGraph(part.bytes, found, depth + 1);
        else if (part.number === ATTRIBUTE.tensor) readTensor(part.bytes, found);
      }
    }
  }
  found.operators.add(domain === "" || domain === "ai.onnx" ? operator : `${domain}:${operator}`);
}

function readTensor(bytes: Uint8Array, found: Found): void {
  for (const field of fieldsOf(bytes)) {
    if (field.number !== TENSOR.external) continue;
    const pair = [...fieldsOf(field.bytes)].map(textOf);
    if (pair[0] === "location" && pair[1] !== undefined) found.external.add(pair[1]);
  }
}
