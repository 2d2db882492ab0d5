/**
 * A model hub on loopback, with the protocol of https://huggingface.co: `resolve` answers with the file's facts and leads to another
 * place that has the bytes; the API tells terms and hashes. It misbehaves when it is told to.
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FileServer, startFileServer } from "./file-server.ts";

export interface HubServer {
  readonly url: string;
  /** Where the bytes are: it counts them. */
  readonly storage: FileServer;
  /** Answers `resolve` in this way, once for each in the list. */
  readonly next: ((response: ServerResponse) => void)[];
  /** What is said of the hash instead of the truth. */
  digest: string | undefined;
  /** Whether the API tells of large files. */
  apiTellsHashes: boolean;
  /** Hangs up on everybody, as a network does that is not there. */
  isAway: boolean;
  /** Who does not send it is answered 401. */
  token: string | undefined;
  /** What was sent to sign in. */
  readonly signedIn: Set<string | undefined>;
  add(path: string, bytes: Uint8Array, licence?: string): void;
  close(): Promise<void>;
}

/** Starts it. `add("owner/name/file", …)` puts a file on the branch "main". */
export async function startHubServer(): Promise<HubServer> {
  const storage = await startFileServer();
  const repositories = new Map<string, { readonly licence: string; readonly files: Map<string, Uint8Array> }>();
  const server = createServer((request, response) => {
    if (state.isAway) return void response.destroy();
    // Pages of other origins may read it.
    response.setHeader("Access-Control-Allow-Origin", "*");
    state.signedIn.add(request.headers.authorization);
    if (state.token !== undefined && request.headers.authorization !== `Bearer ${state.token}`)
      return void response.writeHead(401).end("Invalid credentials");
    const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/main$/.exec(path)?.[1];
    if (api !== undefined) return tell(api, response);
    const special = state.next.shift();
    if (special) return special(response);
    const [, repository = "", file = ""] = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(path) ?? [];
    const bytes = repositories.get(repository)?.files.get(file);
    if (!bytes) return void response.writeHead(404).end("Entry not found");
    const digest = state.digest ?? hashOf(bytes);
    // The signed address is another one each time.
    const place = `${storage.url}/${hashOf(bytes)}`;
    response
      .writeHead(302, {
        location: place,
        etag: '"0123456789abcdef0123456789abcdef01234567"',
        "x-linked-etag": `"${digest}"`,
        "x-linked-size": String(bytes.length),
      })
      .end();
  });
  const state: HubServer = {
    url: "",
    storage,
    next: [],
    digest: undefined,
    token: undefined,
    signedIn: new Set(),
    apiTellsHashes: false,
    isAway: false,
    add(path, bytes, licence = "apache-2.0") {
      const [owner, name, ...file] = path.split("/");
      const known = repositories.get(`${owner}/${name}`) ?? { licence, files: new Map() };
      repositories.set(`${owner}/${name}`, known);
      known.files.set(file.join("/"), bytes);
      storage.files.set(`/${hashOf(bytes)}`, bytes);
    },
    async close() {
      await storage.close();
      await new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
    },
  };
  function tell(repository: string, response: ServerResponse): void {
    const known = repositories.get(repository);
    if (!known) return void response.writeHead(404).end();
    const siblings = [...known.files].map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      ...(state.apiTellsHashes ? { lfs: { sha256: state.digest ?? hashOf(bytes), size: bytes.length } } : {}),
    }));
    const text = JSON.stringify({ id: repository, tags: ["onnx", `license:${known.licence}`], siblings });
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
