/** Which driver answers a cell: the one of the model that it names, or the one that the person chose. */
import { expect, it } from "vitest";
import { startChatAccess } from "#core/chat/access.ts";
import type { ChatChoice, ChatDriverKind, ChatEndpoint, ChatPlace } from "#core/chat/driver.ts";
import { scriptedDriver, words } from "./scripted-driver.ts";

const place: ChatPlace = {
  asset: (path) => path,
  openModel: () => Promise.reject(new Error("nothing is opened here")),
  files: () => Promise.resolve([]),
};

interface Watched extends ChatDriverKind {
  readonly opened: ChatEndpoint[];
  readonly life: string[];
}

function kindOf(id: string, more: Partial<ChatDriverKind>): Watched {
  const opened: ChatEndpoint[] = [];
  const life: string[] = [];
  return {
    id,
    title: id,
    fields: ["model"],
    ...more,
    opened,
    life,
    start() {
      life.push("start");
      return {
        open(endpoint) {
          opened.push(endpoint);
          return scriptedDriver(() => words(id));
        },
        close: () => void life.push("close"),
      };
    },
  };
}

const server = kindOf("server", { fields: ["address", "key", "model"] });
const file = kindOf("file", { claims: (model) => model.endsWith(".gguf") });
const kinds = new Map([server, file].map((kind) => [kind.id, kind as ChatDriverKind]));

it("asks the chosen kind, unless a cell names a model of another, and ends what it started", () => {
  let choice: ChatChoice = { driver: "server", address: "", key: "", model: "" };
  const access = startChatAccess({ kinds, place, choice: () => choice, howTo: "Choose." });
  expect(access.open()).toBeUndefined();
  expect(access.open("tiny")).toBeUndefined();
  expect(server.life).toEqual([]);

  choice = { driver: "server", address: "http://127.0.0.1:1/v1", key: "secret", model: "tiny" };
  expect(access.open("large")).toBeDefined();
  expect(access.open()).toBeDefined();
  expect(server.opened).toEqual([choice, choice]);
  expect(server.life).toEqual(["start"]);

  // A file learns nothing of the server that was chosen.
  expect(access.open("models/a.gguf")).toBeDefined();
  expect(file.opened).toEqual([{ address: "", key: "", model: "models/a.gguf" }]);

  choice = { driver: "file", address: "", key: "", model: "b.gguf" };
  expect(access.open()).toBeDefined();
  expect(file.opened.at(-1)).toMatchObject({ model: "b.gguf" });
  choice = { ...choice, driver: "of a plugin that is gone" };
  expect(access.open()).toBeUndefined();

  access.close();
  expect([server.life, file.life]).toEqual([
    ["start", "close"],
    ["start", "close"],
  ]);
  expect(access.open("models/a.gguf")).toBeUndefined();
});
