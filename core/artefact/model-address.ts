/**
 * What people write when they mean a model that is elsewhere: a web address, a file of a model hub, or a CID. The hub's paths
 * are those of https://huggingface.co/docs/hub/models-downloading (`/owner/name/resolve/revision/file`), which other hubs and
 * mirrors of it have too.
 */
import { KromaError } from "../base/errors.ts";
import { codecOf } from "../store/cid.ts";
import { readAddress } from "./address.ts";
import { pathParts } from "./paths.ts";

/** A model that is fetched by its place, or by its content. */
export type ModelAddress =
  | { readonly type: "web"; readonly url: string }
  | {
      readonly type: "content";
      readonly cid: string;
      /** Of a file below it; "" is what the CID stands for itself. */
      readonly path: string;
      /** Gateways and peers that a link names. */
      readonly from: readonly string[];
    };

export interface ModelAddressOptions {
  /** Address of the model hub; "" or none: there is none. */
  readonly hub?: string | undefined;
  /** A file of what the source names. */
  readonly file?: string | undefined;
  /** Of a hub's repository; "main" without it. */
  readonly revision?: string | undefined;
}

const MOST_LENGTH = 4096;
const REPOSITORY =
  /^(?<owner>\w[\w.-]{0,95})\/(?<name>\w[\w.-]{0,95})(?:@(?<revision>[^/\s]{1,200}))?(?:\/(?<file>.+))?$/;

/**
 * The model that a text means: "https://…", "hub:owner/name/file" ("hf://…" and "@revision" after the name too), "owner/name" with
 * a file in the options, "ipfs://CID/path", "/ipfs/CID/path", a CID, or a link to Kroma. Undefined for every other text, which may
 * be a path or a name. `invalid` when it means one and can't be.
 */
export function readModelAddress(source: string, options: ModelAddressOptions = {}): ModelAddress | undefined {
  const written = source.trim();
  if (written.length > MOST_LENGTH) return undefined;
  const hub = /^(?:hub:|hf:\/\/)(.*)$/s.exec(written)?.[1];
  if (hub !== undefined) return hubFile(hub, written, options);
  if (/^https?:\/\//i.test(written)) return webAddress(written, options);
  const content = /^(?:ipfs:\/\/|\/ipfs\/)([A-Za-z0-9]+)(?:\/(.*))?$/s.exec(written);
  if (content || isFileCid(written)) {
    const [, cid = written, path = ""] = content ?? [];
    if (!isFileCid(cid)) throw new KromaError("invalid", `"${written.slice(0, 100)}" has no CID that can be followed.`);
    return { type: "content", cid, path: joined(path, options.file), from: [] };
  }
  if (options.file !== undefined && REPOSITORY.test(written)) return hubFile(written, written, options);
  return undefined;
}

/** An address as it is kept and shown; the same model under the same address has the same text. */
export function modelAddressText(address: ModelAddress): string {
  if (address.type === "web") return address.url;
  return `ipfs://${address.cid}${address.path === "" ? "" : `/${address.path}`}`;
}

/** The last part of an address, as sentences call the file. */
export function modelFileName(address: ModelAddress): string {
  if (address.type === "content") return address.path.split("/").pop() || shortened(address.cid);
  const { pathname, host } = new URL(address.url);
  const last = pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(last) || host;
  } catch {
    return last;
  }
}

const shortened = (cid: string): string => (cid.length > 24 ? `${cid.slice(0, 12)}…${cid.slice(-8)}` : cid);

function webAddress(written: string, { file }: ModelAddressOptions): ModelAddress {
  const link = written.includes("#/artefact/") ? readAddress(written) : undefined;
  if (link) return { type: "content", cid: link.cid, path: joined("", file), from: link.from };
  const url = URL.parse(written);
  if (!url) throw new KromaError("invalid", `"${written.slice(0, 100)}" is no address.`);
  return { type: "web", url: file === undefined ? url.href : new URL(escaped(joined("", file)), url).href };
}

function hubFile(text: string, written: string, options: ModelAddressOptions): ModelAddress {
  const repository = REPOSITORY.exec(text)?.groups;
  if (!repository) {
    const wanted = "hub:owner/name/file, with @revision after the name if need be";
    throw new KromaError("invalid", `"${written.slice(0, 100)}" is not a file of a model hub: write ${wanted}.`);
  }
  const { owner, name, revision = options.revision ?? "main" } = repository;
  const path = joined(repository["file"] ?? "", options.file);
  if (path === "")
    throw new KromaError("invalid", `${written} is a repository: say which file of it, as ${written}/model.onnx.`);
  if (options.hub === undefined || options.hub === "")
    throw new KromaError(
      "unavailable",
      `No model hub is set here, so ${written} can't be found: name one in the settings.`,
    );
  const base = URL.parse(options.hub);
  if (!base || !/^https?:$/.test(base.protocol))
    throw new KromaError("invalid", `The model hub of the settings, "${options.hub}", is no web address.`);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return {
    type: "web",
    url: new URL(`${owner}/${name}/resolve/${encodeURIComponent(revision)}/${escaped(path)}`, base).href,
  };
}

/** A path inside of something, checked. */
function joined(path: string, file: string | undefined): string {
  const whole = [...path.split("/"), ...(file ?? "").split("/")].filter((part) => part !== "");
  return whole.length === 0 ? "" : pathParts(whole.join("/")).join("/");
}

const escaped = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

function isFileCid(text: string): boolean {
  // A short name that happens to parse would be taken for content.
  if (text.length < 46) return false;
  try {
    return codecOf(text) !== undefined;
  } catch {
    return false;
  }
}
