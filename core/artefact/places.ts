/** Where things are among the files of an artefact. Nothing else is here, so that a page may name them before it needs more. */

/** The files of its workspace. */
export const WORKSPACE_FOLDER = "workspace/";
/** The copy of Kroma. */
export const RUNTIME_FOLDER = "kroma";
/** Says, beside the copy, what it opens. */
export const COPY_PATH = "kroma.json";
/** The list of all files of a built Kroma, among these files. */
export const BUILD_PATH = "build.json";
/** From the static page to the copy. */
export const RUN_LINK = `${RUNTIME_FOLDER}/index.html?published`;
/** Names, beside a copy of Kroma or among the files of Kroma itself, the Linux image for its cells. */
export const LINUX_NOTE = "linux.json";
/** The image itself, where it goes along. */
export const LINUX_FOLDER = "linux";
