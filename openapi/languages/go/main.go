// The program of every language, over the client that openapi-generator writes for Go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	runpod "example.com/runpod"
)

const wait = 5_000 // ms
const exact = `{"camelCase": 1, "empty": {}, "no": false, "none": null, "snake_case": [2, 4.5, "é"]}`

type program struct {
	jobs      *runpod.JobsAPIService
	endpoints *runpod.EndpointsAPIService
	endpoint  string
	key       string
}

func (p program) as(key string) context.Context {
	return context.WithValue(context.Background(), runpod.ContextAccessToken, key)
}

func (p program) run(input any) (*runpod.Job, error) {
	request := *runpod.NewJobRequest(input)
	job, _, err := p.jobs.RunJob(p.as(p.key), p.endpoint).JobRequest(request).Execute()
	return job, err
}

func (p program) wait(id string) (*runpod.Job, error) {
	for {
		job, _, err := p.jobs.GetJobStatusSync(p.as(p.key), p.endpoint, id).Wait(wait).Execute()
		if err != nil || terminal(job.Status) {
			return job, err
		}
	}
}

func (p program) stream(id string) ([]any, error) {
	found := []any{}
	for {
		answer, _, err := p.jobs.StreamJob(p.as(p.key), p.endpoint, id).Wait(wait).Execute()
		if err != nil {
			return nil, err
		}
		for _, chunk := range answer.Stream {
			found = append(found, chunk.Output)
		}
		if terminal(answer.Status) && len(answer.Stream) == 0 {
			return found, nil
		}
	}
}

func terminal(status string) bool {
	switch status {
	case "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT":
		return true
	}
	return false
}

// same compares by what would stand on the wire.
func same(found any, wanted string) error {
	var want any
	if err := json.Unmarshal([]byte(wanted), &want); err != nil {
		return err
	}
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	var have any
	if err := json.Unmarshal(text, &have); err != nil {
		return err
	}
	if !reflect.DeepEqual(have, want) {
		return fmt.Errorf("%s is not %s", text, wanted)
	}
	return nil
}

func main() {
	configuration := runpod.NewConfiguration()
	configuration.Servers = runpod.ServerConfigurations{{URL: os.Getenv("RUNPOD_ENDPOINT_BASE_URL")}}
	client := runpod.NewAPIClient(configuration)
	p := program{
		jobs:      client.JobsAPI,
		endpoints: client.EndpointsAPI,
		endpoint:  os.Getenv("RUNPOD_ENDPOINT_ID"),
		key:       os.Getenv("RUNPOD_API_KEY"),
	}
	failed := false
	said := ""
	step := func(name string, what func() error) {
		said = "ok"
		if err := what(); err != nil {
			failed = true
			fmt.Printf("%s: %v\n", name, err)
			return
		}
		fmt.Printf("%s: %s\n", name, said)
	}
	id := ""
	step("run", func() error {
		job, err := p.run(map[string]any{"exact": json.RawMessage(exact)})
		if err != nil {
			return err
		}
		id = job.Id
		if id == "" {
			return fmt.Errorf("no id")
		}
		return nil
	})
	step("exact output", func() error {
		job, err := p.wait(id)
		if err != nil {
			return err
		}
		return same([]any{job.Status, job.Output}, `["COMPLETED", `+exact+`]`)
	})
	step("stream", func() error {
		job, err := p.run(map[string]any{"words": []string{"one", "two", "three"}})
		if err != nil {
			return err
		}
		found, err := p.stream(job.Id)
		if err != nil {
			return err
		}
		return same(found, `[{"index": 0, "word": "one"}, {"index": 1, "word": "two"}, {"index": 2, "word": "three"}]`)
	})
	step("unknown status", func() error {
		job, _, err := p.jobs.GetJobStatus(p.as(p.key), p.endpoint, "of-unknown-status").Execute()
		if err != nil {
			return err
		}
		return same([]any{job.Status, job.Output}, `["PAUSED", {"step": 3}]`)
	})
	step("unknown member", func() error {
		job, _, err := p.jobs.GetJobStatus(p.as(p.key), p.endpoint, "with-unknown-member").Execute()
		if err != nil {
			return err
		}
		said = "survived"
		if job.AdditionalProperties["gpu"] == "L4" {
			said = "kept"
		}
		return same([]any{job.Status, job.Output}, `["COMPLETED", {"step": 3}]`)
	})
	step("nulls", func() error {
		job, _, err := p.jobs.GetJobStatus(p.as(p.key), p.endpoint, "with-nulls").Execute()
		if err != nil {
			return err
		}
		return same([]any{job.Status, job.Output}, `["COMPLETED", null]`)
	})
	step("failed job", func() error {
		job, err := p.run(map[string]any{"reason": "no such voice"})
		if err != nil {
			return err
		}
		if job, err = p.wait(job.Id); err != nil {
			return err
		}
		return same([]any{job.Status, job.Error}, `["FAILED", "no such voice"]`)
	})
	step("401", func() error {
		_, answer, err := p.endpoints.GetHealth(p.as("rpa_wrong"), p.endpoint).Execute()
		refusal, ok := err.(*runpod.GenericOpenAPIError)
		if !ok {
			return fmt.Errorf("no refusal but %v", err)
		}
		body, ok := refusal.Model().(runpod.Error)
		if !ok {
			return fmt.Errorf("the body is a %T", refusal.Model())
		}
		return same([]any{answer.StatusCode, body.Detail}, `[401, "invalid api key"]`)
	})
	if failed {
		os.Exit(1)
	}
}
