/** Lists whose items change in place: a row stands for a position, not for an item. The one use of Solid's Index. */
export { Index as ByPlace } from "solid-js";
