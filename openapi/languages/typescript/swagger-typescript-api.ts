// The client that swagger-typescript-api writes, over fetch.
import { Api, type HttpResponse } from './made/swagger-typescript-api.js'
import { setting, steps } from './steps.js'

const endpoint = setting('RUNPOD_ENDPOINT_ID')
const as = (key: string) =>
  new Api({
    baseUrl: setting('RUNPOD_ENDPOINT_BASE_URL'),
    baseApiParams: { headers: { authorization: `Bearer ${key}` } },
  }).endpointId
const api = as(setting('RUNPOD_API_KEY'))

await steps({
  run: async (input) => (await api.runJob(endpoint, { input })).data,
  status: async (id) => (await api.getJobStatus(endpoint, id)).data,
  statusSync: async (id, wait) => (await api.getJobStatusSync(endpoint, id, { wait })).data,
  stream: async (id, wait) => (await api.streamJob(endpoint, id, { wait })).data,
  async refused(key) {
    try {
      await as(key).getHealth(endpoint)
    } catch (refusal) {
      const { status, error } = refusal as HttpResponse<unknown, { detail?: unknown }>
      return { code: status, detail: error.detail }
    }
    return { code: 200 }
  },
})
