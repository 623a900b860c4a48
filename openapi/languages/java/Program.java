import ai.runpod.client.ApiClient;
import ai.runpod.client.ApiException;
import ai.runpod.client.api.EndpointsApi;
import ai.runpod.client.api.JobsApi;
import ai.runpod.client.model.Job;
import ai.runpod.client.model.JobRequest;
import ai.runpod.client.model.JobStream;
import ai.runpod.client.model.StreamChunk;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The program of every language, over the client that openapi-generator makes for Java. */
public class Program {
  interface Step {
    void take() throws Exception;
  }

  static final int WAIT = 5_000; // ms
  static final Set<String> TERMINAL = Set.of("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT");
  static final ObjectMapper JSON = new ObjectMapper();
  static final String ENDPOINT = System.getenv("RUNPOD_ENDPOINT_ID");

  static boolean failed = false;
  static String id = "";

  static ApiClient client(String key) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("RUNPOD_ENDPOINT_BASE_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + key));
    return client;
  }

  static void step(String name, Step step) {
    try {
      step.take();
      System.out.println(name + ": ok");
    } catch (Exception | AssertionError error) {
      failed = true;
      System.out.println(name + ": " + error.toString().replace('\n', ' '));
    }
  }

  static void same(Object found, String wanted) throws Exception {
    if (!JSON.valueToTree(found).equals(JSON.readTree(wanted))) {
      throw new AssertionError(JSON.writeValueAsString(found) + " is not " + wanted);
    }
  }

  static Job await(JobsApi jobs, String id) throws ApiException {
    while (true) {
      Job job = jobs.getJobStatusSync(ENDPOINT, id, WAIT);
      if (TERMINAL.contains(job.getStatus())) {
        return job;
      }
    }
  }

  public static void main(String[] args) {
    JobsApi jobs = new JobsApi(client(System.getenv("RUNPOD_API_KEY")));
    step("run", () -> {
      id = jobs.runJob(ENDPOINT, new JobRequest().input(Map.of("numbers", List.of(1, 2, 3)))).getId();
      if (id.isEmpty()) {
        throw new AssertionError("no id");
      }
    });
    step("wait", () -> {
      Job job = await(jobs, id);
      same(Arrays.asList(job.getStatus(), job.getOutput()),
          "[\"COMPLETED\", {\"doubled\": [2, 4, 6], \"none\": null}]");
    });
    step("stream", () -> {
      Map<String, Object> input = Map.of("words", List.of("one", "two", "three"));
      String streamed = jobs.runJob(ENDPOINT, new JobRequest().input(input)).getId();
      List<Object> found = new ArrayList<>();
      while (true) {
        JobStream answer = jobs.streamJob(ENDPOINT, streamed, WAIT);
        for (StreamChunk chunk : answer.getStream()) {
          found.add(chunk.getOutput());
        }
        if (TERMINAL.contains(answer.getStatus()) && answer.getStream().isEmpty()) {
          break;
        }
      }
      same(found, "[{\"index\": 0, \"word\": \"one\"}, {\"index\": 1, \"word\": \"two\"},"
          + " {\"index\": 2, \"word\": \"three\"}]");
    });
    step("unknown status", () -> {
      Job job = jobs.getJobStatus(ENDPOINT, "of-unknown-status", null);
      same(Arrays.asList(job.getStatus(), job.getOutput()), "[\"PAUSED\", {\"step\": 3}]");
    });
    step("failed job", () -> {
      JobRequest request = new JobRequest().input(Map.of("reason", "no such voice"));
      Job job = await(jobs, jobs.runJob(ENDPOINT, request).getId());
      same(Arrays.asList(job.getStatus(), job.getError()), "[\"FAILED\", \"no such voice\"]");
    });
    step("401", () -> {
      try {
        new EndpointsApi(client("rpa_wrong")).getHealth(ENDPOINT);
        throw new AssertionError("not refused");
      } catch (ApiException refusal) {
        String detail = JSON.readTree(refusal.getResponseBody()).get("detail").asText();
        same(Arrays.asList(refusal.getCode(), detail), "[401, \"invalid api key\"]");
      }
    });
    System.exit(failed ? 1 : 0);
  }
}
