<?php
// The program of every language, over the client that openapi-generator writes for PHP.

require 'GuzzleHttp/autoload.php';
require 'GuzzleHttp/Psr7/autoload.php';
spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, 'Runpod\\')) {
        require dirname(__DIR__) . '/lib/' . str_replace('\\', '/', substr($class, 7)) . '.php';
    }
});

const WAIT = 5_000; // ms
const TERMINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'];
define('EXACT', json_decode('{"camelCase": 1, "empty": {}, "no": false, "none": null, "snake_case": [2, 4.5, "é"]}'));
define('ENDPOINT', getenv('RUNPOD_ENDPOINT_ID'));

function connected(string $key): Runpod\Configuration
{
    $configuration = new Runpod\Configuration();
    return $configuration->setHost(getenv('RUNPOD_ENDPOINT_BASE_URL'))->setAccessToken($key);
}

/** Compares what would be sent as JSON. */
function same(mixed $found, mixed $wanted): void
{
    if (json_encode($found) !== json_encode($wanted)) {
        throw new Exception(json_encode($found) . ' is not ' . json_encode($wanted));
    }
}

$failed = false;

function step(string $name, callable $what): void
{
    global $failed;
    try {
        $said = $what() ?? 'ok';
        echo "$name: $said\n";
    } catch (Throwable $error) {
        $failed = true;
        echo "$name: ", get_class($error), ' ', str_replace("\n", ' ', $error->getMessage()), "\n";
    }
}

$jobs = new Runpod\Api\JobsApi(new GuzzleHttp\Client(), connected(getenv('RUNPOD_API_KEY')));
$run = fn (array $input) => $jobs->runJob(ENDPOINT, new Runpod\Model\JobRequest(['input' => $input]));
$wait = function (string $id) use ($jobs) {
    do {
        $job = $jobs->getJobStatusSync(ENDPOINT, $id, WAIT);
    } while (!in_array($job->getStatus(), TERMINAL, true));
    return $job;
};

$id = '';
step('run', function () use ($run, &$id) {
    $id = $run(['exact' => EXACT])->getId();
});
step('exact output', function () use ($wait, &$id) {
    $job = $wait($id);
    same([$job->getStatus(), $job->getOutput()], ['COMPLETED', EXACT]);
});
step('stream', function () use ($jobs, $run) {
    $words = ['one', 'two', 'three'];
    $job = $run(['words' => $words]);
    $found = [];
    do {
        $answer = $jobs->streamJob(ENDPOINT, $job->getId(), WAIT);
        foreach ($answer->getStream() as $chunk) {
            $found[] = $chunk->getOutput();
        }
    } while (!in_array($answer->getStatus(), TERMINAL, true) || $answer->getStream() !== []);
    same($found, array_map(fn ($word, $index) => ['index' => $index, 'word' => $word], $words, array_keys($words)));
});
step('unknown status', function () use ($jobs) {
    $job = $jobs->getJobStatus(ENDPOINT, 'of-unknown-status');
    same([$job->getStatus(), $job->getOutput()], ['PAUSED', ['step' => 3]]);
});
step('unknown member', function () use ($jobs) {
    $job = $jobs->getJobStatus(ENDPOINT, 'with-unknown-member');
    same([$job->getStatus(), $job->getOutput()], ['COMPLETED', ['step' => 3]]);
    return (json_decode(json_encode($job))->gpu ?? null) === 'L4' ? 'kept' : 'survived';
});
step('nulls', function () use ($jobs) {
    $job = $jobs->getJobStatus(ENDPOINT, 'with-nulls');
    same([$job->getStatus(), $job->getOutput()], ['COMPLETED', null]);
});
step('failed job', function () use ($run, $wait) {
    $job = $wait($run(['reason' => 'no such voice'])->getId());
    same([$job->getStatus(), $job->getError()], ['FAILED', 'no such voice']);
});
step('401', function () {
    try {
        (new Runpod\Api\EndpointsApi(new GuzzleHttp\Client(), connected('rpa_wrong')))->getHealth(ENDPOINT);
    } catch (Runpod\ApiException $refusal) {
        same([$refusal->getCode(), json_decode($refusal->getResponseBody())->detail], [401, 'invalid api key']);
        return;
    }
    throw new Exception('not refused');
});
exit($failed ? 1 : 0);
