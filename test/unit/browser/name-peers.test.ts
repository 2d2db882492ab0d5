/** Who may be asked for names that somebody follows: nobody but those with whom a notebook is shared, and the settings' relays. */
import { expect, it } from "vitest";
import { peersOfNotebooks, peersOfSettings } from "#app/browser/name-peers.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { Links, Sharing } from "#core/mesh/messages.ts";

const member = (id: string, name: string): Sharing["members"][number] => ({
  id: id as MemberId,
  name,
  role: "editor",
  joined: 0,
});
const sharing = (members: Sharing["members"], linked: readonly string[]): Sharing => ({
  document: "one" as DocumentId,
  me: "me" as MemberId,
  role: "owner",
  members,
  former: [],
  invitations: [],
  equivocations: [],
  contradictions: [],
  linked: linked.map((id) => ({ id: id as MemberId, path: "direct" })),
  present: [],
  models: [],
  isHere: true,
  isComing: false,
  filesCame: true,
  trouble: undefined,
});
const link = (id: string): Links["peers"][number] => ({
  id: id as MemberId,
  path: "direct",
  remote: `peer-of-${id}`,
  sent: 0,
  received: 0,
  roundTrip: undefined,
});

it("asks members who are linked, and neither strangers, former members nor those who only have a link", () => {
  const documents = ["one" as DocumentId, "two" as DocumentId];
  const known = new Map([
    [documents[0], sharing([member("ana", "Ana"), member("away", "Eve")], ["ana", "stranger"])],
    [documents[1], sharing([], ["removed"])],
  ]);
  const peers = ["ana", "stranger", "removed", "nobody"].map(link);
  const mesh = { documents, links: { peers, troubles: [] }, sharing: (document: DocumentId) => known.get(document) };
  expect(peersOfNotebooks(mesh)).toEqual([{ peer: "peer-of-ana", called: "Ana" }]);
  expect(peersOfNotebooks({ ...mesh, documents: [] })).toEqual([]);
});

it("takes of the settings the peers at the ends of their addresses", () => {
  const called = "A relay of the settings";
  expect(peersOfSettings(["/dns4/r.example/tcp/443/tls/ws/p2p/12D3KooWA", "/ip4/127.0.0.1/tcp/1/ws", ""])).toEqual([
    { peer: "12D3KooWA", called },
  ]);
  expect(peersOfSettings(["/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWA/p2p-circuit/webrtc/p2p/12D3KooWB"])).toEqual([
    { peer: "12D3KooWB", called },
  ]);
});
