/** Names a file of the workspace as a table: `{ path, format? }`. The document holds the name and not the rows. */
export const TABLE_MIME = "application/vnd.kroma.table+json";
