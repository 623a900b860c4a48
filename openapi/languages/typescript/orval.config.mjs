// How orval writes its client: functions over fetch, with the base URL from the environment.
export default {
  runpod: {
    input: process.env.DOCUMENT,
    output: {
      target: 'made/orval.ts',
      client: 'fetch',
      baseUrl: { runtime: 'process.env.RUNPOD_ENDPOINT_BASE_URL' },
    },
  },
}
