/** Which notebook the address asks for. `path` and `url` are public interface; `document` is our own. */

export type Route =
  | { readonly type: "library" }
  | { readonly type: "document"; readonly document: string }
  | { readonly type: "path"; readonly path: string }
  | { readonly type: "url"; readonly url: string }
  /** What this copy of Kroma was published with. */
  | { readonly type: "published" };

/** What an address's search part asks for. */
export function readRoute(search: string): Route {
  const query = new URLSearchParams(search);
  const [document, path, url] = [query.get("document"), query.get("path"), query.get("url")];
  if (document) return { type: "document", document };
  if (path) return { type: "path", path: path.replace(/^\/+/, "") };
  if (url) return { type: "url", url };
  if (query.has("published")) return { type: "published" };
  return { type: "library" };
}

/** The search part that asks for it. */
export function writeRoute(route: Route): string {
  if (route.type === "library") return "";
  if (route.type === "published") return "?published";
  const value = route.type === "document" ? route.document : route.type === "path" ? route.path : route.url;
  return `?${route.type}=${encodeURIComponent(value).replaceAll("%2F", "/")}`;
}
