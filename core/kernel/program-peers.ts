/** How a program's inside asks its outside part for files of the web that the notebook's people have: the links to them are there. */
import type { Channel } from "../base/channel.ts";
import type { FilePeers } from "../store/fetched.ts";
import type { FromProgram, ToProgram } from "./service-program.ts";

type Answer = Extract<ToProgram, { readonly type: "peers" }>;
type Question = { readonly url: string } | { readonly cid: string };

/** The notebook's people from the other end of the channel. */
export function peersOver(channel: Channel<ToProgram, FromProgram>): FilePeers {
  const waiting = new Map<string, (answer: Answer) => void>();
  let count = 0;
  channel.receive((message) => {
    if (message.type !== "peers") return;
    waiting.get(message.parent)?.(message);
    waiting.delete(message.parent);
  });
  const ask = (question: Question, signal?: AbortSignal): Promise<Answer> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = `peers-${++count}`;
      const stop = (): void => {
        waiting.delete(id);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
      waiting.set(id, (answer) => {
        signal?.removeEventListener("abort", stop);
        resolve(answer);
      });
      channel.send({ type: "peers_request", id, question });
    });
  return {
    offered: async (url) => (await ask({ url })).cids ?? [],
    block: async (cid, { signal } = {}) => (await ask({ cid }, signal)).bytes,
    keeps: (url, cid, size) => channel.send({ type: "file_kept", url, cid, size }),
  };
}

/** Answers a program's question; nobody has it where nobody can be asked. */
export async function answerOfPeers(peers: FilePeers | undefined, parent: string, question: Question): Promise<Answer> {
  try {
    if ("url" in question) return { type: "peers", parent, cids: (await peers?.offered(question.url)) ?? [] };
    const bytes = await peers?.block(question.cid);
    return { type: "peers", parent, ...(bytes ? { bytes } : {}) };
  } catch {
    // Whoever asks goes to the file's own server.
    return { type: "peers", parent };
  }
}
