// The client that openapi-generator writes for typescript-fetch.
import { Configuration, EndpointsApi, JobsApi, ResponseError } from './made/openapi-generator-fetch/index.js'
import { setting, steps } from './steps.js'

const endpointId = setting('RUNPOD_ENDPOINT_ID')
const as = (key: string) =>
  new Configuration({ basePath: setting('RUNPOD_ENDPOINT_BASE_URL'), accessToken: key })
const jobs = new JobsApi(as(setting('RUNPOD_API_KEY')))

await steps({
  run: (input) => jobs.runJob({ endpointId, jobRequest: { input } }),
  status: (jobId) => jobs.getJobStatus({ endpointId, jobId }),
  statusSync: (jobId, wait) => jobs.getJobStatusSync({ endpointId, jobId, wait }),
  stream: (jobId, wait) => jobs.streamJob({ endpointId, jobId, wait }),
  async refused(key) {
    try {
      await new EndpointsApi(as(key)).getHealth({ endpointId })
    } catch (refusal) {
      if (!(refusal instanceof ResponseError)) throw refusal
      const error = (await refusal.response.json()) as { detail?: unknown }
      return { code: refusal.response.status, detail: error.detail }
    }
    return { code: 200 }
  },
})
