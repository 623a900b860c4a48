"""Print a caption for each photo that is named: an application, as any other."""

import os
import sys

from runpod_sdk import Endpoint, JobError, RateLimitError, Runpod, SubmissionUncertainError


def caption(endpoint: Endpoint, photo: str) -> str:
    try:
        output = endpoint.run(input={"photo": photo}).output(timeout=60)
    except SubmissionUncertainError:
        return "unsure: the job may have been taken, so it is not sent twice"
    except RateLimitError:
        return "busy: try again later"
    except JobError as error:
        return f"failed: {error.state.status}"
    return "nothing came back" if output is None else str(output)


def main(photos: list[str]) -> None:
    with Runpod() as client:
        endpoint = client.endpoint(os.environ["RUNPOD_ENDPOINT_ID"])
        for photo in photos:
            print(f"{photo}: {caption(endpoint, photo)}")


if __name__ == "__main__":
    main(sys.argv[1:])
