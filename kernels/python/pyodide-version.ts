/** The version of Pyodide that Python cells run on: that of package.json, which a test holds it to. */
export const PYODIDE_VERSION = "314.0.7";
