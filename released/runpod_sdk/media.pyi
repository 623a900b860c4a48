"""Public names of `runpod_sdk.media`; written by scripts/release."""


class Media:
    base64: str
    def data(self) -> bytes: ...
    ending: str
    size: int
    type: str

def hint_of(text: str) -> str | None: ...

def is_ending_of(ending: str, type_: str) -> bool: ...

def media_of(text: str) -> Media | None: ...

def strings_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]: ...
