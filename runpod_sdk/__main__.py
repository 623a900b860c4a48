"""`python -m runpod_sdk` is the command `runpod-sdk`."""

from runpod_sdk.cli import main

if __name__ == "__main__":
    main()
