import { linkPair } from "#core/mesh/link-pair.ts";
import { describeLink } from "../../conformance/link.ts";
import { farEnd } from "../../conformance/link-ends.ts";

describeLink("two ends in one thread", async () => {
  const [near, far] = linkPair();
  return { near: near.link, far: farEnd(far.link), close: async () => near.link.channel.close() };
});
