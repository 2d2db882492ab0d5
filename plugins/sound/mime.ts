/** Names the file of the workspace that a recorder writes: `{ path }`. */
export const RECORDER_MIME = "application/vnd.kroma.recorder+json";
