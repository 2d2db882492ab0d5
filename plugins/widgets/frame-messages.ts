/** What the page and a widget's frame say to each other. */
import type { State } from "./buffers.ts";

export type ToWidgetFrame =
  | { readonly type: "start"; readonly model: string; readonly state: State }
  | { readonly type: "change"; readonly model: string; readonly state: State }
  | {
      readonly type: "custom";
      readonly model: string;
      readonly content: unknown;
      readonly buffers: readonly ArrayBuffer[];
    }
  | { readonly type: "model"; readonly request: number; readonly model: string; readonly state: State | undefined }
  | { readonly type: "end" };

export type FromWidgetFrame =
  | { readonly type: "ready" }
  | { readonly type: "change"; readonly model: string; readonly state: State }
  | {
      readonly type: "custom";
      readonly model: string;
      readonly content: unknown;
      readonly buffers: readonly ArrayBuffer[];
    }
  | { readonly type: "get_model"; readonly request: number; readonly model: string }
  | { readonly type: "drawn" }
  | { readonly type: "failed"; readonly message: string };
