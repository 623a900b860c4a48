// The client that openapi-generator writes for typescript-axios.
import { isAxiosError } from 'axios'
import { Configuration, EndpointsApi, JobsApi } from './made/openapi-generator-axios/index.js'
import { setting, steps } from './steps.js'

const endpoint = setting('RUNPOD_ENDPOINT_ID')
const as = (key: string) =>
  new Configuration({ basePath: setting('RUNPOD_ENDPOINT_BASE_URL'), accessToken: key })
const jobs = new JobsApi(as(setting('RUNPOD_API_KEY')))

await steps({
  run: async (input) => (await jobs.runJob(endpoint, { input })).data,
  status: async (id) => (await jobs.getJobStatus(endpoint, id)).data,
  statusSync: async (id, wait) => (await jobs.getJobStatusSync(endpoint, id, wait)).data,
  stream: async (id, wait) => (await jobs.streamJob(endpoint, id, wait)).data,
  async refused(key) {
    try {
      await new EndpointsApi(as(key)).getHealth(endpoint)
    } catch (refusal) {
      if (!isAxiosError<{ detail?: unknown }>(refusal)) throw refusal
      return { code: refusal.response?.status ?? 0, detail: refusal.response?.data.detail }
    }
    return { code: 200 }
  },
})
