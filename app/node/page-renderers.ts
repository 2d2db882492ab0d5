/** The renderers that draw for published pages, on the command line. In the page they are those of all plugins. */
import { PluginHost } from "#core/plugin/facet.ts";
import { type Renderer, renderers } from "#kit/renderers.ts";
import { markdown } from "#plugins/markdown/index.ts";
import { outputs } from "#plugins/outputs/index.ts";
import { plotly } from "#plugins/plotly/index.ts";
import { vega } from "#plugins/vega/index.ts";

/** Best first. */
export const pageRenderers: readonly Renderer[] = new PluginHost([outputs, markdown, vega, plotly]).get(renderers);
