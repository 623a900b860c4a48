// RunPod's own JavaScript client, through the scenarios of scenario.py: `SCENARIO BASE_URL NUMBER...`.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const from = createRequire(`${process.env.RUNPOD_OFFICIAL_JS}/package.json`)
const { default: runpodSdk } = await import(pathToFileURL(from.resolve('runpod-sdk')).href)

const [scenario, baseUrl, ...numbers] = process.argv.slice(2)
const endpoint = runpodSdk('key-of-the-benchmarks-000000', { baseUrl }).endpoint('ep')
const now = () => Number(process.hrtime.bigint()) / 1e9
const cpu = () => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage())

const run = async (seconds, told = {}) => (await endpoint.run({ input: { seconds, ...told } })).id
const result = async (id) => {
  const answer = await endpoint.statusSync(id, 30_000)
  if (answer.status !== 'COMPLETED') throw new Error(JSON.stringify(answer))
  return answer.output
}

const course = {
  async status(calls) {
    const id = await run(0)
    await endpoint.status(id)
    const [began, worked] = [now(), cpu()]
    for (let n = 0; n < calls; n++) await endpoint.status(id)
    return { wall: (now() - began) / calls, cpu: (cpu() - worked) / calls }
  },
  async latency(jobs) {
    const late = []
    for (let n = 0; n < jobs; n++) {
      const output = await result(await run(0.1 + (n % 7) / 50))
      late.push(now() - output.at)
    }
    return { late }
  },
  async stream(chunks) {
    const id = await run(chunks * 0.02, { chunks })
    const late = [], seen = []
    for await (const { output } of endpoint.stream(id)) {
      late.push(now() - output.at)
      seen.push(output.n)
    }
    return { late, whole: seen.length === chunks && seen.every((n, place) => n === place) }
  },
  async crowd(jobs, atOnce) {
    let left = 20
    const work = async () => {
      while (left-- > 0) await result(await run(0.02))
    }
    await Promise.all(Array.from({ length: Math.min(4, atOnce) }, work))
    left = jobs
    const [began, worked] = [now(), cpu()]
    await Promise.all(Array.from({ length: atOnce }, work))
    return { wall: (now() - began) / jobs, cpu: (cpu() - worked) / jobs }
  },
}

console.log(JSON.stringify(await course[scenario](...numbers.map(Number))))
