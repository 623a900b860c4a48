// The client that oazapfts writes, over fetch.
import { getHealth, getJobStatus, getJobStatusSync, runJob, streamJob } from './made/oazapfts.js'
import { good, setting, steps } from './steps.js'

const endpoint = setting('RUNPOD_ENDPOINT_ID')
const as = (key: string) => ({
  baseUrl: setting('RUNPOD_ENDPOINT_BASE_URL'),
  headers: { authorization: `Bearer ${key}` },
})
const options = as(setting('RUNPOD_API_KEY'))

await steps({
  run: async (input) => good(await runJob(endpoint, { input }, options)),
  status: async (id) => good(await getJobStatus(endpoint, id, {}, options)),
  statusSync: async (id, wait) => good(await getJobStatusSync(endpoint, id, { wait }, options)),
  stream: async (id, wait) => good(await streamJob(endpoint, id, { wait }, options)),
  async refused(key) {
    const answer = await getHealth(endpoint, as(key))
    return { code: answer.status, detail: 'detail' in answer.data ? answer.data.detail : undefined }
  },
})
