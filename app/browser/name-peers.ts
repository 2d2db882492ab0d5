/** Who may be asked for names, and given those that are followed here (rules N5 and N6 of core/artefact/SPEC.md): such a name is private. */
import type { MeshClient } from "#core/mesh/mesh-client.ts";
import type { ConnectedPeer } from "#plugins/names/peers.ts";

/** The peers with whom a notebook is shared, called as its members are. */
export function peersOfNotebooks(mesh: Pick<MeshClient, "documents" | "links" | "sharing">): readonly ConnectedPeer[] {
  const people = new Map<string, string>();
  for (const document of mesh.documents) {
    const { linked = [], members = [] } = { ...mesh.sharing(document) };
    for (const { id } of linked) {
      const member = members.find((one) => one.id === id);
      if (member) people.set(id, member.name);
    }
  }
  return mesh.links.peers.flatMap(({ id, remote }) => {
    const called = people.get(id);
    return called === undefined ? [] : [{ peer: remote, called }];
  });
}

/** The peers that the settings name by their addresses. */
export function peersOfSettings(addresses: readonly string[]): readonly ConnectedPeer[] {
  return addresses.flatMap((address) => {
    const peer = /\/p2p\/([^/]+)\/?$/.exec(address)?.[1];
    return peer === undefined ? [] : [{ peer, called: "A relay of the settings" }];
  });
}
