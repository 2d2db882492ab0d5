/** A chart's specification as it comes with an output. */
import type { VisualizationSpec } from "vega-embed";

/** The chart without options for its own embedding: those are ours. */
export function readChart(data: unknown): VisualizationSpec {
  const value = typeof data === "string" ? (JSON.parse(data) as unknown) : data;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("It is not a chart but plain data.");
  const { usermeta: _usermeta, ...spec } = structuredClone(value) as Record<string, unknown>;
  return spec as unknown as VisualizationSpec;
}
