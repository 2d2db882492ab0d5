import { describe, expect, it } from "vitest";
import { modelAddressText, modelFileName, readModelAddress } from "#core/artefact/model-address.ts";

const root = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
const hub = "https://hub.example/mirror";
const text = (source: string, options = {}): string | undefined => {
  const address = readModelAddress(source, { hub, ...options });
  return address && modelAddressText(address);
};

describe("a model's address", () => {
  it("is a file of a hub, at the path that hubs have it at", () => {
    const main = "https://hub.example/mirror/onnx-community/tiny.en/resolve/main/onnx/model.onnx";
    expect(text("hub:onnx-community/tiny.en/onnx/model.onnx")).toBe(main);
    expect(text("hf://onnx-community/tiny.en/onnx/model.onnx")).toBe(main);
    expect(text("onnx-community/tiny.en", { file: "onnx/model.onnx" })).toBe(main);
    expect(text("hub:onnx-community/tiny.en", { file: "onnx/model.onnx" })).toBe(main);
    expect(text("hub:a/b@refs%2Fpr%2F1/c d.onnx")).toBe(
      "https://hub.example/mirror/a/b/resolve/refs%252Fpr%252F1/c%20d.onnx",
    );
    expect(text("a/b", { file: "m.onnx", revision: "refs/pr/1" })).toBe(
      "https://hub.example/mirror/a/b/resolve/refs%2Fpr%2F1/m.onnx",
    );
  });

  it("is content by its CID, however it is written", () => {
    expect(text(root)).toBe(`ipfs://${root}`);
    expect(text(` ipfs://${root}/ `)).toBe(`ipfs://${root}`);
    expect(text(`/ipfs/${root}/a/m.onnx`)).toBe(`ipfs://${root}/a/m.onnx`);
    expect(text(`ipfs://${root}/a`, { file: "m.onnx" })).toBe(`ipfs://${root}/a/m.onnx`);
    expect(readModelAddress(`https://kroma.example/#/artefact/${root}?from=http://a.example/`)).toEqual({
      type: "content",
      cid: root,
      path: "",
      from: ["http://a.example/"],
    });
  });

  it("is a web address as it stands, and no path or plain name", () => {
    expect(text("https://a.example/x/m.onnx?y=1")).toBe("https://a.example/x/m.onnx?y=1");
    for (const path of ["model.onnx", "models/a.onnx", "/workspace/m.onnx", "a/b", "read-text"])
      expect(text(path), path).toBeUndefined();
  });

  it("has a name for sentences", () => {
    expect(modelFileName({ type: "web", url: "https://a.example/x/m%20n.onnx?y" })).toBe("m n.onnx");
    expect(modelFileName({ type: "web", url: "https://a.example/" })).toBe("a.example");
    expect(modelFileName({ type: "content", cid: root, path: "", from: [] })).toBe("bafyreigbtj4…2fy6swua");
    expect(modelFileName({ type: "content", cid: root, path: "a/m.onnx", from: [] })).toBe("m.onnx");
  });

  it("is refused in words when it means one and can't be", () => {
    expect(() => text("hub:only-a-name")).toThrow(/not a file of a model hub/);
    expect(() => text("hub:owner/name")).toThrow(/say which file of it, as hub:owner\/name\/model\.onnx/);
    expect(() => text("hub:a/b/../../../x")).toThrow(/can't be the path/);
    expect(() => text("hub:a/b/m.onnx", { hub: "" })).toThrow(/No model hub is set/);
    expect(() => text("hub:a/b/m.onnx", { hub: "ftp://x" })).toThrow(/is no web address/);
    expect(() => text("ipfs://nonsense/m.onnx")).toThrow(/no CID/);
  });
});
