"""The protocol on httptools, which is an extra: this module is imported where it is installed."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portal.cli.protocol import HEAD_LIMIT, Patience


class PatientHttpTools(Patience, HttpToolsProtocol):
    """On httptools, which by itself limits nothing."""

    _head: int | None = None
    """Bytes of the head so far; ``None`` between heads."""

    def on_message_begin(self) -> None:
        self._head = 0
        self.wait_for_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        self.head_is_complete()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > HEAD_LIMIT:
            self.transport.close()
