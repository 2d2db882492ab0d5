import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { describeBlockStore, describeDocStore } from "../../conformance/stores.ts";

describeDocStore("memory", async () => new MemoryDocStore());
describeBlockStore("memory", async () => new MemoryBlockStore());
