/** The part of the mock service that is used; its package names its types at a path that is not there. */
declare module "mock-ipfs-pinning-service" {
  import type { RequestListener } from "node:http";

  export interface MockPin {
    readonly requestid: string;
    readonly status: string;
    readonly pin: { readonly cid: string };
  }
  export type MockService = RequestListener & { readonly locals: { state: { pins: Map<string, MockPin> } } };
  export function setup(options: { readonly token: string }): Promise<MockService>;
}
