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
