"""Bodies of newline-delimited JSON, laid down in a file while they arrive: their size costs no memory."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser

MAX_BYTES: Final = 512 * 1024 * 1024
MAX_LINES: Final = 100_000
MAX_LINE_BYTES: Final = 2 * 1024 * 1024
CHUNK: Final = 256 * 1024


class Upload:
    """A body in a temporary file, and its SHA-256."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._file, self._digest = file, digest

    def __str__(self) -> str:
        return self._digest  # what an Idempotency-Key compares

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank, with their numbers from 1; one that is too long comes cut short.

        A line's end counts towards `MAX_LINE_BYTES`; a cut line is longer than that.
        """
        self._file.seek(0)
        number = 0
        while line := self._file.readline(MAX_LINE_BYTES + 1):
            number += 1
            rest = line
            while not rest.endswith(b"\n") and (rest := self._file.readline(CHUNK)):
                pass
            if len(line) > MAX_LINE_BYTES:
                yield number, line
            elif line.strip():
                yield number, line.strip()


class NdjsonParser(BaseParser):
    """Whatever the type says, the body is lines of JSON. Raises RequestDataTooBig past 512 MB."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the stream to its end; an `Upload`."""
        request = (parser_context or {}).get("request")
        declared = str(request.META.get("CONTENT_LENGTH", "")) if request is not None else ""
        if declared.isdigit() and int(declared) > MAX_BYTES:
            raise RequestDataTooBig
        file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the request
        digest, size = hashlib.sha256(), 0
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                file.close()
                raise RequestDataTooBig
            digest.update(chunk)
            file.write(chunk)
        return Upload(file, digest.hexdigest())
