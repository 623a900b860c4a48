// The client that hey-api's openapi-ts makes, over fetch.
import { createClient } from './made/hey-api/client/index.js'
import { getHealth, getJobStatus, getJobStatusSync, runJob, streamJob } from './made/hey-api/sdk.gen.js'
import { setting, steps } from './steps.js'

const endpoint_id = setting('RUNPOD_ENDPOINT_ID')
const baseUrl = setting('RUNPOD_ENDPOINT_BASE_URL')
const make = (key: string) => createClient({ baseUrl, auth: key })
const client = make(setting('RUNPOD_API_KEY'))

function good<T>(answer: { data?: T; response?: Response }): T {
  if (answer.data === undefined) throw new Error(`HTTP ${answer.response?.status}`)
  return answer.data
}

await steps({
  async run(input) {
    return good(await runJob({ client, path: { endpoint_id }, body: { input } }))
  },
  async status(job_id) {
    return good(await getJobStatus({ client, path: { endpoint_id, job_id } }))
  },
  async statusSync(job_id, wait) {
    return good(await getJobStatusSync({ client, path: { endpoint_id, job_id }, query: { wait } }))
  },
  async stream(job_id, wait) {
    return good(await streamJob({ client, path: { endpoint_id, job_id }, query: { wait } }))
  },
  async refused(key) {
    const { error, response } = await getHealth({ client: make(key), path: { endpoint_id } })
    return { code: response?.status ?? 0, detail: error?.detail }
  },
})
