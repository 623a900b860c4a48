// Run check.py in a CPython that Pyodide carries.
//
//     node run.mjs PYODIDE-MODULE REPOSITORY SITE-PACKAGES [CHECK…]
//
// PYODIDE-MODULE is the path of its pyodide.mjs. The exit status is 1 if a check fails.

import { pathToFileURL } from "node:url";

const [module, repository, site, ...checks] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(module));
const python = await loadPyodide({ env: { HOME: "/home", RUNPOD_API_KEY: "a-key" } });
python.mountNodeFS("/repository", repository);
python.mountNodeFS("/site", site);
const passed = await python.runPythonAsync(`
import sys

sys.dont_write_bytecode = True
sys.path[:0] = ["/repository/scripts/pyodide", "/repository", "/repository/generated", "/site"]

import check

await check.main(${JSON.stringify(checks)})
`);
process.exit(passed ? 0 : 1);
