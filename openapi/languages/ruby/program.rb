# The program of every language, over the client that openapi-generator writes for Ruby.
require 'json'
require 'uri'
require 'runpod_client'

WAIT = 5_000 # ms
TERMINAL = %w[COMPLETED FAILED CANCELLED TIMED_OUT].freeze
EXACT = { 'camelCase' => 1, 'snake_case' => [2, 4.5, 'é'], 'none' => nil, 'no' => false, 'empty' => {} }.freeze
ENDPOINT = ENV.fetch('RUNPOD_ENDPOINT_ID')

def connected(key)
  base = URI(ENV.fetch('RUNPOD_ENDPOINT_BASE_URL'))
  configuration = RunpodClient::Configuration.new
  configuration.scheme = base.scheme
  configuration.host = "#{base.host}:#{base.port}"
  configuration.base_path = base.path
  configuration.server_index = nil
  configuration.access_token = key
  RunpodClient::ApiClient.new(configuration)
end

# Compares what would be sent as JSON.
def same(found, wanted)
  found = JSON.parse(JSON.generate(found))
  raise "#{found} is not #{wanted}" unless found == wanted
end

$failed = false

def step(name)
  said = yield
  puts "#{name}: #{said.is_a?(String) ? said : 'ok'}"
rescue StandardError => error
  $failed = true
  puts "#{name}: #{error.class} #{error.message.tr("\n", ' ')}"
end

jobs = RunpodClient::JobsApi.new(connected(ENV.fetch('RUNPOD_API_KEY')))
run = ->(input) { jobs.run_job(ENDPOINT, RunpodClient::JobRequest.new(input: input)) }
wait = lambda do |id|
  loop do
    job = jobs.get_job_status_sync(ENDPOINT, id, wait: WAIT)
    return job if TERMINAL.include?(job.status)
  end
end

id = nil
step('run') do
  id = run.call({ exact: EXACT }).id
  nil
end
step('exact output') do
  job = wait.call(id)
  same([job.status, job.output], ['COMPLETED', EXACT])
end
step('stream') do
  job = run.call({ words: %w[one two three] })
  found = []
  loop do
    answer = jobs.stream_job(ENDPOINT, job.id, wait: WAIT)
    found += answer.stream.map(&:output)
    break if TERMINAL.include?(answer.status) && answer.stream.empty?
  end
  same(found, %w[one two three].each_with_index.map { |word, index| { 'index' => index, 'word' => word } })
end
step('unknown status') do
  job = jobs.get_job_status(ENDPOINT, 'of-unknown-status')
  same([job.status, job.output], ['PAUSED', { 'step' => 3 }])
end
step('unknown member') do
  job = jobs.get_job_status(ENDPOINT, 'with-unknown-member')
  same([job.status, job.output], ['COMPLETED', { 'step' => 3 }])
  job.to_hash[:gpu] == 'L4' ? 'kept' : 'survived'
end
step('nulls') do
  job = jobs.get_job_status(ENDPOINT, 'with-nulls')
  same([job.status, job.output], ['COMPLETED', nil])
end
step('failed job') do
  job = wait.call(run.call({ reason: 'no such voice' }).id)
  same([job.status, job.error], ['FAILED', 'no such voice'])
end
step('401') do
  begin
    RunpodClient::EndpointsApi.new(connected('rpa_wrong')).get_health(ENDPOINT)
    raise 'not refused'
  rescue RunpodClient::ApiError => refusal
    same([refusal.code, JSON.parse(refusal.response_body)['detail']], [401, 'invalid api key'])
  end
end
exit($failed ? 1 : 0)
