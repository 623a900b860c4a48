// The client that Kubb writes, over fetch.
import { getHealth, getJobStatus, getJobStatusSync, runJob, streamJob } from './made/kubb/index.js'
import { good, setting, steps } from './steps.js'

const endpoint = setting('RUNPOD_ENDPOINT_ID')
const as = (key: string) => ({
  baseURL: setting('RUNPOD_ENDPOINT_BASE_URL'),
  headers: { authorization: `Bearer ${key}` },
})
const config = as(setting('RUNPOD_API_KEY'))

await steps({
  run: async (input) => good(await runJob(endpoint, { input }, config)),
  status: async (id) => good(await getJobStatus(endpoint, id, {}, config)),
  statusSync: async (id, wait) => good(await getJobStatusSync(endpoint, id, { wait }, config)),
  stream: async (id, wait) => good(await streamJob(endpoint, id, { wait }, config)),
  async refused(key) {
    const { status, data } = await getHealth(endpoint, as(key))
    return { code: status, detail: 'detail' in data ? data.detail : undefined }
  },
})
