// openapi-typescript's types, with openapi-fetch.
import createClient from 'openapi-fetch'
import type { paths } from './made/openapi-fetch.js'
import { setting, steps } from './steps.js'

const endpoint_id = setting('RUNPOD_ENDPOINT_ID')
const baseUrl = setting('RUNPOD_ENDPOINT_BASE_URL')
const make = (key: string) =>
  createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } })
const client = make(setting('RUNPOD_API_KEY'))

function good<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`HTTP ${answer.response.status}`)
  return answer.data
}

await steps({
  async run(input) {
    const params = { path: { endpoint_id } }
    return good(await client.POST('/{endpoint_id}/run', { params, body: { input } }))
  },
  async status(job_id) {
    const params = { path: { endpoint_id, job_id } }
    return good(await client.GET('/{endpoint_id}/status/{job_id}', { params }))
  },
  async statusSync(job_id, wait) {
    const params = { path: { endpoint_id, job_id }, query: { wait } }
    return good(await client.GET('/{endpoint_id}/status-sync/{job_id}', { params }))
  },
  async stream(job_id, wait) {
    const params = { path: { endpoint_id, job_id }, query: { wait } }
    return good(await client.GET('/{endpoint_id}/stream/{job_id}', { params }))
  },
  async refused(key) {
    const params = { path: { endpoint_id } }
    const { error, response } = await make(key).GET('/{endpoint_id}/health', { params })
    return { code: response.status, detail: error?.detail }
  },
})
