/** Tables of a million rows: files of separated values, Parquet and Arrow that scroll, sort, filter and sum. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";
import { TABLE_MIME } from "./mime.ts";

/** Renderer of files that are named as tables, and of Parquet and Arrow bytes. */
export const data: Plugin = {
  id: "data",
  provides: [
    renderers.of(
      lazyRenderer(
        "data-table",
        850,
        [
          TABLE_MIME,
          "application/vnd.apache.parquet",
          "application/vnd.apache.arrow.file",
          "application/vnd.apache.arrow.stream",
        ],
        () => import("./table.ts"),
      ),
    ),
  ],
};
