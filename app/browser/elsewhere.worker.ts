/**
 * Pins at services on other machines, for the artefacts' worker. Tokens lie beside the pins, in this browser's storage: whoever
 * can read that can use them, as they could use the page. One worker of all tabs asks the services.
 */
import * as v from "valibot";
import type { Elsewhere } from "#core/artefact/elsewhere.ts";
import { Emitter } from "#core/base/events.ts";
import type { Clock } from "#core/mesh/clock.ts";
import { blobOf } from "#core/store/blob.ts";
import type { BlockStore, DocStore } from "#core/store/stores.ts";
import { RemotePins } from "#plugins/pinning/remote-pins.ts";
import { missingBlocks } from "#plugins/pinning/send-blocks.ts";
import { PinService } from "#plugins/pinning/service.ts";

const SERVICES = "pin-services";
const schema = v.object({ endpoint: v.string(), token: v.string() });

/** The pins of that document store, whose blocks are in that block store. `whenAlone` calls back once no other tab does it. */
export function openElsewhere(options: {
  readonly blocks: BlockStore;
  readonly documents: DocStore;
  readonly clock: Clock;
  readonly whenAlone: (start: () => void) => void;
}): Elsewhere {
  const { blocks, documents } = options;
  const changed = new Emitter<void>();
  const stored = async (): Promise<readonly v.InferOutput<typeof schema>[]> =>
    (await documents.loadRange([SERVICES])).flatMap(([, bytes]) => {
      const parsed = v.safeParse(schema, JSON.parse(new TextDecoder().decode(bytes)));
      return parsed.success ? [parsed.output] : [];
    });
  const serviceOf = async (endpoint: string): Promise<PinService | undefined> => {
    const known = (await stored()).find((service) => service.endpoint === endpoint);
    return known && new PinService(known);
  };
  const pins = new RemotePins({
    documents,
    clock: options.clock,
    serviceOf,
    async send(service, cid, signal) {
      if (!(await service.takesBlocks(signal))) return;
      const car = await missingBlocks(service, cid, blocks, signal);
      if (car) await service.send(await blobOf(car), signal);
    },
  });
  pins.onChange(() => changed.emit());
  options.whenAlone(() => void pins.start());
  return {
    services: async () => (await stored()).map(({ endpoint }) => endpoint),
    async setService(service, token) {
      if (token === undefined) {
        await documents.write({ remove: [[SERVICES, service]] });
        return;
      }
      const { endpoint } = new PinService({ endpoint: service, token });
      const bytes = new TextEncoder().encode(JSON.stringify({ endpoint, token }));
      await documents.write({ put: [[[SERVICES, endpoint], bytes]] });
    },
    list: async () =>
      (await pins.list()).map(({ cid, service, name, status, details }) => ({
        cid,
        service,
        name: name ?? cid,
        state: status,
        details,
      })),
    want: (service, cid, name) => pins.want(service, { cid, name }),
    unwant: (service, cid) => pins.unwant(service, cid),
    onChange: (listener) => changed.on(listener),
  };
}
