/** Pictures, sound and films of a page: files beside it, named by their content, so that a new version shares the old ones. */
import type { PageFile } from "./render.ts";

const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
  "image/bmp": "bmp", "image/x-icon": "ico", "image/svg+xml": "svg", "application/pdf": "pdf",
  "audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg", "audio/mp4": "m4a",
  "video/mp4": "mp4", "video/webm": "webm", "video/ogg": "ogv",
}; // prettier-ignore

/** Smaller ones stand in the page itself. */
const SMALL = 1024;

export class MediaFiles {
  readonly #files = new Map<string, Uint8Array>();

  /** The files that were asked for so far, by their names. */
  get files(): readonly PageFile[] {
    return [...this.#files]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, bytes]) => ({ path, bytes }));
  }

  /** The address at which the page finds the bytes. */
  async add(bytes: Uint8Array, mimeType: string): Promise<string> {
    const isPicture = mimeType.startsWith("image/");
    if (bytes.length <= SMALL && isPicture) return `data:${mimeType};base64,${toBase64(bytes)}`;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice()));
    const name = [...hash.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const path = `media/${name}.${Object.hasOwn(ENDINGS, mimeType) ? ENDINGS[mimeType] : "bin"}`;
    this.#files.set(path, bytes);
    return path;
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
