// How hey-api makes its client: with file extensions in imports, as Node.js wants them.
export default {
  input: process.env.DOCUMENT,
  output: { path: 'made/hey-api', module: { extension: '.js' } },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
  logs: { level: 'warn', file: false },
}
