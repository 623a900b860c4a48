// What each program in TypeScript does, over a generated client.
import { deepStrictEqual, ok } from 'node:assert/strict'

export interface Job { id: string; status: string; output?: unknown; error?: unknown }
export interface Chunks { status: string; stream?: Array<{ output?: unknown }> | null }
export interface Refusal { code: number; detail?: unknown }

export interface Client {
  run(input: unknown): Promise<Job>
  status(id: string): Promise<Job>
  statusSync(id: string, wait: number): Promise<Job>
  stream(id: string, wait: number): Promise<Chunks>
  refused(key: string): Promise<Refusal>
}

const WAIT = 5_000 // ms
const EXACT = { camelCase: 1, snake_case: [2, 4.5, 'é'], none: null, no: false, empty: {} }
const TERMINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']

/** Return the data of a success, of a client that returns errors instead of throwing them. */
export function good<T extends { status: number; data: unknown }>(
  answer: T,
): Extract<T, { status: 200 }>['data'] {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`)
  return answer.data
}

export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}

export async function steps(client: Client): Promise<void> {
  let failed = false
  const step = async (name: string, what: () => Promise<string | void>) => {
    try {
      console.log(`${name}: ${(await what()) ?? 'ok'}`)
    } catch (error) {
      failed = true
      console.log(`${name}: ${String(error).replaceAll('\n', ' ')}`)
    }
  }
  const wait = async (id: string): Promise<Job> => {
    for (;;) {
      const job = await client.statusSync(id, WAIT)
      if (TERMINAL.includes(job.status)) return job
    }
  }
  let id = ''
  await step('run', async () => {
    id = (await client.run({ exact: EXACT })).id
    ok(id)
  })
  await step('exact output', async () => {
    const job = await wait(id)
    deepStrictEqual([job.status, job.output], ['COMPLETED', EXACT])
  })
  await step('stream', async () => {
    const job = await client.run({ words: ['one', 'two', 'three'] })
    const found: unknown[] = []
    for (;;) {
      const { status, stream } = await client.stream(job.id, WAIT)
      for (const chunk of stream ?? []) found.push(chunk.output)
      if (TERMINAL.includes(status) && !stream?.length) break
    }
    deepStrictEqual(found, ['one', 'two', 'three'].map((word, index) => ({ index, word })))
  })
  await step('unknown status', async () => {
    const job = await client.status('of-unknown-status')
    deepStrictEqual([job.status, job.output], ['PAUSED', { step: 3 }])
  })
  await step('unknown member', async () => {
    const job = await client.status('with-unknown-member')
    deepStrictEqual([job.status, job.output], ['COMPLETED', { step: 3 }])
    return 'gpu' in job && job.gpu === 'L4' ? 'kept' : 'survived'
  })
  await step('nulls', async () => {
    const job = await client.status('with-nulls')
    deepStrictEqual([job.status, job.output], ['COMPLETED', null])
  })
  await step('failed job', async () => {
    const job = await wait((await client.run({ reason: 'no such voice' })).id)
    deepStrictEqual([job.status, job.error], ['FAILED', 'no such voice'])
  })
  await step('401', async () => {
    deepStrictEqual(await client.refused('rpa_wrong'), { code: 401, detail: 'invalid api key' })
  })
  process.exitCode = failed ? 1 : 0
}
