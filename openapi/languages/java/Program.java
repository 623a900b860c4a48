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

/** The program of every language, over the client that openapi-generator writes for Java. */
public class Program {
  interface Step {
    /** Returns what to say instead of "ok", or null. */
    String take() throws Exception;
  }

  static final int WAIT = 5_000; // ms
  static final Set<String> TERMINAL = Set.of("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT");
  static final String EXACT = "{\"camelCase\": 1, \"snake_case\": [2, 4.5, \"\u00e9\"],"
      + " \"none\": null, \"no\": false, \"empty\": {}}";
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
      String said = step.take();
      System.out.println(name + ": " + (said == null ? "ok" : said));
    } catch (Exception | AssertionError error) {
      failed = true;
      System.out.println(name + ": " + error.toString().replace('\n', ' '));
    }
  }

  static String same(Object found, String wanted) throws Exception {
    if (!JSON.valueToTree(found).equals(JSON.readTree(wanted))) {
      throw new AssertionError(JSON.writeValueAsString(found) + " is not " + wanted);
    }
    return null;
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
      Map<String, Object> input = Map.of("exact", JSON.readTree(EXACT));
      id = jobs.runJob(ENDPOINT, new JobRequest().input(input)).getId();
      return null;
    });
    step("exact output", () -> {
      Job job = await(jobs, id);
      return same(Arrays.asList(job.getStatus(), job.getOutput()), "[\"COMPLETED\", " + EXACT + "]");
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
      return same(found, "[{\"index\": 0, \"word\": \"one\"}, {\"index\": 1, \"word\": \"two\"},"
          + " {\"index\": 2, \"word\": \"three\"}]");
    });
    step("unknown status", () -> {
      Job job = jobs.getJobStatus(ENDPOINT, "of-unknown-status", null);
      return same(Arrays.asList(job.getStatus(), job.getOutput()), "[\"PAUSED\", {\"step\": 3}]");
    });
    step("unknown member", () -> {
      Job job = jobs.getJobStatus(ENDPOINT, "with-unknown-member", null);
      same(Arrays.asList(job.getStatus(), job.getOutput()), "[\"COMPLETED\", {\"step\": 3}]");
      return "L4".equals(job.getAdditionalProperty("gpu")) ? "kept" : "survived";
    });
    step("nulls", () -> {
      Job job = jobs.getJobStatus(ENDPOINT, "with-nulls", null);
      return same(Arrays.asList(job.getStatus(), job.getOutput()), "[\"COMPLETED\", null]");
    });
    step("failed job", () -> {
      JobRequest request = new JobRequest().input(Map.of("reason", "no such voice"));
      Job job = await(jobs, jobs.runJob(ENDPOINT, request).getId());
      return same(Arrays.asList(job.getStatus(), job.getError()), "[\"FAILED\", \"no such voice\"]");
    });
    step("401", () -> {
      try {
        new EndpointsApi(client("rpa_wrong")).getHealth(ENDPOINT);
        throw new AssertionError("not refused");
      } catch (ApiException refusal) {
        String detail = JSON.readTree(refusal.getResponseBody()).get("detail").asText();
        return same(Arrays.asList(refusal.getCode(), detail), "[401, \"invalid api key\"]");
      }
    });
    System.exit(failed ? 1 : 0);
  }
}
