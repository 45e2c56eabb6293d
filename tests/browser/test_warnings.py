"""What a person asked to be warned about arrives: by mail at a mail server, by webhook at a web server, once each."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import Page

from billing.models import BusinessEntity, Role, Tenant
from billing.tenancy import tenant_scope
from integrations import setup, tasks
from integrations.backfill import backfill
from integrations.delivery import drain
from integrations.models import Connection, OutboxItem
from integrations.sandbox.server import start_in_thread
from integrations.vault import Secrets
from tests.browser.company import billed_company
from tests.integrations.books import Books

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOOK = "https://hooks.example.com/counterfoil"


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    """Serve in a thread; give the port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[index]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MailServer(socketserver.StreamRequestHandler):
    """Takes mail, as little as the protocol needs."""

    taken: list[str] = []

    def handle(self) -> None:
        def say(words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

        say("220 catcher")
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            say({"DATA": "354 go on", "QUIT": "221 bye"}.get(command, "250 ok"))
            if command == "DATA":
                message = b""
                while not message.endswith(b"\r\n.\r\n"):
                    message += self.rfile.readline()
                self.taken.append(message.decode())
                say("250 taken")
            if command == "QUIT":
                return


class WebServer(BaseHTTPRequestHandler):
    """Takes webhooks."""

    taken: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        self.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_warnings_reach_people(page: Page, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    MailServer.taken, WebServer.taken = [], []
    company = billed_company(Role.ADMIN)
    page.set_default_timeout(20_000)
    with (
        start_in_thread("quickbooks") as box,
        serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer)) as mail_port,
        serving(HTTPServer(("127.0.0.1", 0), WebServer)) as web_port,
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mail_port, False
        connection = connect(company, box.url)
        Books(box.url).prefer(BookCloseDate="2026-01-31")
        send_on(monkeypatch, f"http://127.0.0.1:{web_port}/")
        page.goto(f"{live_server}/admin/integrations/connection/{connection.pk}/policies/")
        page.fill("#id_username", "ann")
        page.fill("#id_password", "quiet-harbour-9")
        page.click("button[type=submit]")
        page.fill("#id_warn_to", "ann@example.com, bob@example.com")
        page.fill("#id_warn_url", HOOK)
        page.get_by_role("button", name="Policies").click()
        page.get_by_text("The policies are kept").wait_for()

        go_wrong(company)
        tasks.warn()
        told = {each["code"]: each["words"] for each in WebServer.taken}
        assert sorted(told) == ["backlog", "parked", "sign_in_ends"]
        assert len(MailServer.taken) == len(WebServer.taken) == 3
        for words in told.values():
            (message,) = (each for each in MailServer.taken if words[:40] in each.replace("=\r\n", ""))
            assert "To: ann@example.com, bob@example.com" in message
        tasks.warn()  # The clock looks again, and nobody is told again.
        assert len(MailServer.taken) == len(WebServer.taken) == 3

        page.goto(f"{live_server}/admin/integrations/connection/{connection.pk}/change/")
        for words in told.values():
            page.get_by_text(words[:40]).first.wait_for()


def send_on(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Stand in for the public internet, where alone webhooks go: what is posted to our hook comes to a server here."""
    really_post, really_look_up = requests.post, socket.getaddrinfo
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]

    def look_up(host: Any, *rest: Any, **how: Any) -> Any:
        return public if host == "hooks.example.com" else really_look_up(host, *rest, **how)

    def post(url: str, **how: Any) -> requests.Response:
        assert url == HOOK
        return really_post(where, **how)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(requests, "post", post)


def connect(company: Tenant, url: str) -> Connection:
    with tenant_scope(company.pk):
        made, _ = setup.create_connection(business_entity=BusinessEntity.objects.get(), erp="quickbooks")
        return setup.connect_sandbox(made, url)


def go_wrong(company: Tenant) -> None:
    """The books are closed there, something waits for two hours, and the sign-in ends in three days."""
    with tenant_scope(company.pk):
        connection = Connection.objects.get()
        backfill(connection, since=date(2026, 1, 1))
        drain(connection.pk, until_empty=True, patience=2)
        soon = (timezone.now() + timedelta(days=3)).timestamp()
        connection.refresh_from_db()
        connection.credentials = Secrets({**connection.credentials, "refresh_expires_at": soon})
        connection.save()
        OutboxItem.objects.create(
            tenant_id=company.pk, connection=connection, kind="journal_entry", subject_id=10**6, stage=20
        )
        OutboxItem.objects.filter(subject_id=10**6).update(created_at=timezone.now() - timedelta(hours=2))
