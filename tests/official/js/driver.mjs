// A user of `runpod-sdk`, driven as the Python drivers are; see loop.py beside them. Found
// from here, the package would have to be installed here: so its place is an argument.

import { createInterface } from "node:readline"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const where = createRequire(`${process.argv[2]}/`).resolve("runpod-sdk")
const { default: runpodSdk } = await import(pathToFileURL(where))

const { RUNPOD_ENDPOINT_BASE_URL: baseUrl, RUNPOD_API_KEY: key, ENDPOINT_ID: id } = process.env
const at = (endpoint, withKey) => runpodSdk(withKey, { baseUrl }).endpoint(endpoint)
const endpoint = at(id, key)
const jobs = {}

const driver = {
  health: ({ endpoint = id, key: withKey = key }) => at(endpoint, withKey).health(),
  run: ({ job, input }) => driver.run_request({ job, request: { input } }),
  run_request: async ({ job, request }) => (jobs[job] = (await endpoint.run(request)).id),
  run_sync: async ({ input, timeout }) => endpoint.runSync({ input }, timeout),
  submit_with: async ({ key: withKey }) => (await at(id, withKey).run({ input: { n: 1 } })).id,
  status: ({ job }) => endpoint.status(jobs[job]),
  output: ({ job }) => endpoint.statusSync(jobs[job]),
  output_at_once: ({ job }) => endpoint.status(jobs[job]),
  stream: async ({ job }) => {
    const values = []
    for await (const chunk of endpoint.stream(jobs[job])) values.push(chunk.output)
    return values
  },
  cancel: ({ job }) => endpoint.cancel(jobs[job]),
  purge_queue: () => endpoint.purgeQueue(),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: deed, ...step } = JSON.parse(line)
  let seen
  try {
    seen = { value: await driver[deed](step) }
  } catch (error) {
    seen = { raised: error.name, text: error.message }
  }
  process.stdout.write(`${JSON.stringify({ seen })}\n`)
}
