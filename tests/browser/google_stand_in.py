"""A stand-in for Google's sign-in pages, on the loopback address: one account, one button."""

import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.persons.fake_google import certificates, id_token
from vitalkeep.base.keys import base64url

CLIENT_ID, CLIENT_SECRET = "server.apps.googleusercontent.com", "of-the-server"
SUBJECT = "104857600000000000042"


class StandIn(BaseHTTPRequestHandler):
    """Asks nothing, checks everything that the server sends, and names SUBJECT."""

    asked: ClassVar[dict[str, dict[str, str]]] = {}

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/certs":
            self.answer(200, "application/json", certificates().content)
            return
        if address.path != "/authorize":
            self.answer(404, "text/plain", b"")
            return
        asked = dict(parse_qsl(address.query))
        code = secrets.token_urlsafe(8)
        self.asked[code] = asked
        page = "<!doctype html><title>Accounts</title>"
        for name, answer in (("go", {"code": code}), ("no", {"error": "access_denied"})):
            query = urlencode({**answer, "state": asked["state"]}).replace("&", "&amp;")
            page += f'<a id="{name}" href="{asked["redirect_uri"]}?{query}">{name}</a> '
        self.answer(200, "text/html", page.encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body))
        asked = self.asked.pop(form["code"])
        proof = base64url(hashlib.sha256(form["code_verifier"].encode()).digest())
        good = (
            proof == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        )
        if not good:
            self.answer(400, "application/json", b'{"error": "invalid_grant"}')
            return
        token = id_token(CLIENT_ID, SUBJECT, claims={"nonce": asked["nonce"]})
        self.answer(200, "application/json", json.dumps({"id_token": token}).encode())

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def stand_in() -> Iterator[str]:
    """The base address of a stand-in that runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
