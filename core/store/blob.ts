/** A stream as a Blob, which the platform may keep on disk: this thread holds a few megabytes of it, however long it is. */

/** Handed over when so much has come. */
const HELD = 8 * 1024 * 1024;

/** All bytes of the stream, in its order. */
export async function blobOf(stream: AsyncIterable<Uint8Array>, type = ""): Promise<Blob> {
  const parts: Blob[] = [];
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let held = 0;
  for await (const piece of stream) {
    pieces.push(new Uint8Array(piece));
    held += piece.length;
    if (held < HELD) continue;
    parts.push(new Blob(pieces));
    [pieces, held] = [[], 0];
  }
  return new Blob([...parts, ...pieces], { type });
}
