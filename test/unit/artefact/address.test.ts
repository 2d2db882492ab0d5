import { describe, expect, it } from "vitest";
import { artefactFragment, needAddress, readAddress } from "#core/artefact/address.ts";

const root = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
const envelope = "bafyreihyrpefhacm6kkp4ql6j6udakdit7g3dmkzfriqfykhjw6cad5lrm";

describe("an artefact's address", () => {
  it("is read from a CID, an address of IPFS, a gateway's, and a link to Kroma", () => {
    const plain = { cid: root, from: [] };
    for (const text of [root, ` ${root}\n`, `ipfs://${root}`, `ipfs://${root}/index.html`, `/ipfs/${root}/a`])
      expect(readAddress(text), text).toEqual(plain);
    expect(readAddress(`https://gateway.example/ipfs/${root}/?x=1`)).toEqual({
      cid: root,
      from: ["https://gateway.example/"],
    });
    expect(readAddress(`http://127.0.0.1:8051/under/ipfs/${root}`)?.from).toEqual(["http://127.0.0.1:8051/under/"]);
    expect(readAddress(`https://${root}.ipfs.gateway.example/a`)).toEqual({
      cid: root,
      from: ["https://gateway.example/"],
    });
    expect(readAddress(`https://kroma.example/#/artefact/${root}?envelope=${envelope}&from=http://a.example/`)).toEqual(
      {
        cid: root,
        envelope,
        from: ["http://a.example/"],
      },
    );
  });

  it("comes again out of the link that is made of it", () => {
    for (const address of [
      { cid: root, from: [] },
      { cid: root, envelope, from: ["https://a.example/x?y=1&z=2", "http://127.0.0.1:1/"] },
    ])
      expect(readAddress(`https://kroma.example/app/${artefactFragment(address)}`)).toEqual(address);
  });

  it("is none in other texts, and hints that are no web addresses are left out", () => {
    for (const text of [
      "",
      "notebook.ipynb",
      `${root}x`,
      `https://example.org/${root}`,
      "ipfs://x",
      "https://a.ipfs.example/",
    ])
      expect(readAddress(text), text).toBeUndefined();
    expect(readAddress(`https://k.example/#/artefact/${root}?from=javascript:alert(1)&envelope=x`)).toEqual({
      cid: root,
      from: [],
    });
    expect(() => needAddress("x")).toThrow(expect.objectContaining({ code: "invalid" }));
  });
});
