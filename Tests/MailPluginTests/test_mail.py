"""The step `mail.send` against a real SMTP server (aiosmtpd, from PyPI) on a free port of this machine.

    scripts/python.sh && .build/python/bin/python Tests/MailPluginTests/test_mail.py
"""

import email
import email.policy
import json
import logging
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

# Handshakes that a test lets fail are no news.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "mail" / "mail.py"


class Mailbox:
    """Keeps what arrives; refuses recipients and messages that a test names."""

    def __init__(self):
        self.mails = []
        self.refused = {}
        self.answer = "250 OK"
        self.quit_reply = "221 Bye"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refused.get(address) == "break":
            server.transport.abort()
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answer in ("250 OK", "break"):
            self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        if self.answer == "break":
            server.transport.abort()
        return self.answer

    async def handle_QUIT(self, server, session, envelope):
        if self.quit_reply == "break":
            server.transport.abort()
        return self.quit_reply


def certificate(folder):
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert,
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)
    return key, cert


class MailTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.project = self.folder.name
        self.box = Mailbox()
        self.controllers = []

    def tearDown(self):
        for controller in self.controllers:
            controller.stop()
        self.folder.cleanup()

    def serve(self, **options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(self.box, hostname="127.0.0.1", port=port, **options)
        controller.start()
        self.controllers.append(controller)
        return port

    def send(self, port, given=None, settings=None, text="It failed.", key="r1_step"):
        given = {"to": "ada@example.com", "subject": "Alert", **(given or {})}
        settings = {"host": "127.0.0.1", "port": port, "security": "none", "from": "Runnel <runnel@example.com>",
                    **(settings or {})}
        request = {"step": "send", "with": given, "input": text, "run": {"idempotency_key": key}}
        child = subprocess.run(
            [sys.executable, str(PLUGIN)], input=json.dumps(request), capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "RUNNEL_PROJECT": self.project, "RUNNEL_SETTINGS": json.dumps(settings)})
        self.assertEqual(child.stderr, "")
        return json.loads(child.stdout)

    def test_a_mail_arrives_with_its_parts_and_all_recipients(self):
        pathlib.Path(self.project, "report.csv").write_bytes(b"a,b\n1,2\n")
        report = self.send(self.serve(), {
            "to": ["Ada <ada@example.com>", "grace@example.com"], "cc": "team@example.com", "bcc": "boss@example.com",
            "subject": "Überblick", "html": "<p>It failed.</p>", "attachments": ["report.csv"],
            "reply_to": "help@example.com"})
        self.assertEqual(report["type"], "result", report)
        envelope, mail = self.box.mails[0]
        everyone = ["ada@example.com", "grace@example.com", "team@example.com", "boss@example.com"]
        self.assertEqual(envelope.rcpt_tos, everyone)
        self.assertEqual(report["output"]["recipients"], everyone)
        self.assertEqual(envelope.mail_from, "runnel@example.com")
        self.assertEqual(mail["Subject"], "Überblick")
        self.assertEqual(mail["To"], "Ada <ada@example.com>, grace@example.com")
        self.assertNotIn("boss", str(mail["To"]) + str(mail["Cc"]) + str(mail["Bcc"]))
        self.assertEqual(mail["Message-ID"], "<r1_step@runnel.invalid>")
        self.assertEqual(mail["Message-ID"], report["output"]["message_id"])
        self.assertEqual(mail.get_body(("plain",)).get_content().strip(), "It failed.")
        self.assertIn("<p>It failed.</p>", mail.get_body(("html",)).get_content())
        (attachment,) = mail.iter_attachments()
        self.assertEqual((attachment.get_filename(), attachment.get_content_type()), ("report.csv", "text/csv"))
        self.assertEqual(attachment.get_content(), "a,b\n1,2\n")

    def test_a_text_from_outside_cannot_add_header_fields_or_recipients(self):
        port = self.serve()
        for given in ({"subject": "Hi\r\nBcc: eve@example.com"}, {"to": "ada@example.com\nBcc: eve@example.com"},
                      {"to": "ada@example.com, <"}, {"to": "nobody"}, {"to": []},
                      {"from": "a@example.com\r\nX: y"}, {"reply_to": "a@b\n"}):
            report = self.send(port, given)
            self.assertEqual(report["type"], "error", given)
            self.assertIn(report["code"], ("bad-header", "bad-address"))
            if "subject" in given:
                self.assertIn("`| trim` removes line breaks", report["hint"])
        self.assertEqual(self.box.mails, [])
        # A dot alone and lines that begin with one are data.
        self.assertEqual(self.send(port, text="one\r\n.\r\nRCPT TO:<eve@example.com>\r\n")["type"], "result")
        self.assertEqual(self.box.mails[0][0].rcpt_tos, ["ada@example.com"])

    def test_an_attachment_stays_in_the_project(self):
        port = self.serve()
        os.symlink("/etc/hostname", os.path.join(self.project, "link"))
        pathlib.Path(self.project, "drop").mkdir()
        pathlib.Path(self.project, ".env").write_text("KEY=hunter2")
        pathlib.Path(self.project, "drop/report.pdf").symlink_to("../.env")
        pathlib.Path(self.project, "inbox").symlink_to("drop")
        pathlib.Path(self.project, "drop/real.pdf").write_bytes(b"%PDF")
        os.mkfifo(os.path.join(self.project, "drop/pipe"))
        for path, code in (("../x", "path-outside"), ("link", "path-is-link"), ("/etc/hostname", "path-outside"),
                           ("missing.txt", "file-not-found"), ("drop/report.pdf", "path-is-link"),
                           ("inbox/real.pdf", "path-is-link"), ("drop/pipe", "file-is-folder"),
                           ("drop", "file-is-folder"), ("drop/real.pdf/x", "file-not-found")):
            self.assertEqual(self.send(port, {"attachments": [path]})["code"], code, path)
        with open(os.path.join(self.project, "large"), "wb") as file:
            file.truncate((25 << 20) + 1)
        self.assertEqual(self.send(port, {"attachments": ["large"]})["code"], "mail-too-large")
        self.assertEqual(self.box.mails, [])
        paths = ["drop/real.pdf", f"{self.project}/drop/real.pdf", "drop/../drop/./real.pdf"]
        self.assertEqual(self.send(port, {"attachments": paths})["type"], "result")
        self.assertEqual([part.get_content() for part in self.box.mails[0][1].iter_attachments()], [b"%PDF"] * 3)

    def test_one_text_is_one_address(self):
        port = self.serve()
        for text in ("ada@example.com, eve@example.com", "ada@example.com;eve@example.com", "<a@example.com>,<b@example.com>",
                     "team: ada@example.com, eve@example.com;", "Doe, Ada <ada@example.com>"):
            for key in ("to", "cc", "bcc", "from", "reply_to"):
                report = self.send(port, {key: text})
                self.assertEqual(report["code"], "bad-address", (key, text))
                self.assertEqual(report["message"], f'`{key}`: "{text}" is more than one address')
                self.assertEqual("write a list" in report["hint"], key in ("to", "cc", "bcc"))
        self.assertEqual(self.box.mails, [])
        report = self.send(port, {"to": '"Doe, Ada" <ada@example.com>', "cc": ["Bob (at, home) <bob@example.com>"]})
        self.assertEqual(report["output"]["recipients"], ["ada@example.com", "bob@example.com"])
        self.assertEqual(self.box.mails[0][1]["To"].addresses[0].display_name, "Doe, Ada")

    def test_what_the_server_refuses_is_said_and_only_what_may_pass_is_transient(self):
        port = self.serve()
        self.box.refused = {"ada@example.com": "550 no such user"}
        report = self.send(port)
        self.assertEqual((report["code"], report["transient"]), ("mail-refused", False))
        self.assertEqual(report["message"], "127.0.0.1 refused all recipients: ada@example.com (550 no such user)")
        report = self.send(port, {"to": ["ada@example.com", "grace@example.com"]})
        self.assertEqual(report["message"],
                         "the mail was sent, but 127.0.0.1 refused ada@example.com (550 no such user)")
        self.assertEqual(len(self.box.mails), 1)
        self.box.refused = {}
        self.box.answer = "451 try later"
        self.assertEqual((lambda r: (r["code"], r["transient"]))(self.send(port)), ("mail-refused", True))
        self.box.answer = "554 spam"
        self.assertFalse(self.send(port)["transient"])

    def test_a_mail_that_was_accepted_is_sent_however_the_session_ends(self):
        port = self.serve()
        for count, self.box.quit_reply in enumerate(("421 closing", "500 what", "nonsense", "break"), 1):
            self.assertEqual(self.send(port)["type"], "result", self.box.quit_reply)
            self.assertEqual(len(self.box.mails), count)
        self.box.refused = {"ada@example.com": "550 no such user"}
        report = self.send(port, {"to": ["ada@example.com", "grace@example.com"]})
        self.assertEqual(report["message"],
                         "the mail was sent, but 127.0.0.1 refused ada@example.com (550 no such user)")

    def test_a_connection_that_breaks_after_the_whole_mail_is_not_transient(self):
        self.box.answer = "break"
        report = self.send(self.serve())
        self.assertEqual((report["code"], report["transient"]), ("mail-unconfirmed", False))
        self.assertEqual(report["hint"], "see whether it has arrived before you send it again")
        self.assertIn("127.0.0.1 did not confirm the mail, which may have been delivered: ", report["message"])
        self.assertEqual(len(self.box.mails), 1)

    def test_a_connection_that_breaks_before_the_whole_mail_is_transient(self):
        self.box.refused = {"ada@example.com": "break"}
        report = self.send(self.serve())
        self.assertEqual((report["code"], report["transient"]), ("mail-unreachable", True))
        self.assertEqual(self.box.mails, [])

    def test_a_server_that_is_not_there_is_transient(self):
        report = self.send(1)
        self.assertEqual((report["code"], report["transient"]), ("mail-unreachable", True))

    def test_starttls_and_tls_check_the_certificate(self):
        key, cert = certificate(self.project)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        with_starttls = self.serve(tls_context=context, require_starttls=True)
        trusted = {"security": "starttls", "ca": "cert.pem"}
        self.assertEqual(self.send(with_starttls, settings=trusted)["type"], "result")
        report = self.send(with_starttls, settings={"security": "starttls"})
        self.assertEqual((report["code"], report["transient"]), ("mail-tls", False))
        plain = self.serve()
        report = self.send(plain, settings=trusted)
        self.assertEqual(report["code"], "mail-unsupported")
        self.assertEqual(len(self.box.mails), 1)

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(self.box, hostname="127.0.0.1", port=port, ssl_context=context)
        self.controllers.append(controller)
        controller.start()
        self.assertEqual(self.send(port, settings={"security": "tls", "ca": "cert.pem"})["type"], "result")
        self.assertEqual(self.send(port, settings={"security": "tls"})["code"], "mail-tls")

    def test_a_password_is_checked_and_never_sent_in_the_clear(self):
        def check(server, session, envelope, mechanism, data):
            passwords = {b"runnel": b"hunter2x", "jürgen".encode(): "pässwort".encode()}
            return AuthResult(success=passwords.get(data.login) == data.password, handled=False)

        port = self.serve(authenticator=check, auth_required=True, auth_require_tls=False)
        login = {"username": "runnel", "password": "hunter2x"}
        self.assertEqual(self.send(port, settings=login)["type"], "result")
        report = self.send(port, settings={**login, "password": "wrong-one"})
        self.assertEqual((report["code"], report["transient"]), ("mail-login", False))
        self.assertNotIn("wrong-one", json.dumps(report))
        login = {"username": "jürgen", "password": "pässwort"}
        self.assertEqual(self.send(port, settings=login)["type"], "result")
        report = self.send(port, settings={**login, "password": "fälsch-one"})
        self.assertEqual((report["code"], report["transient"]), ("mail-login", False))
        report = self.send(port, settings={**login, "host": "mail.invalid"})
        self.assertIn(report["code"], ("mail-insecure", "mail-unreachable"))

    def test_what_is_missing_is_said(self):
        self.assertEqual(self.send(1, settings={"host": ""})["message"], "there is no SMTP server")
        self.assertEqual(self.send(1, settings={"from": ""})["message"], "the mail has no sender")
        report = self.send(1, settings={"security": "tls", "ca": "ca.pem"})
        self.assertEqual((report["code"], report["transient"]), ("mail-tls", False))
        self.assertEqual(report["message"], '`ca`: "ca.pem" cannot be used: [Errno 2] No such file or directory')

    def test_an_invalid_address_is_quoted_as_written(self):
        self.assertEqual(self.send(1, {"to": "受付＠example.com"})["message"], '`to`: "受付＠example.com" is not an address')
        report = self.send(1, {"to": "(" * 5000 + "ada@example.com"})
        self.assertEqual(report["message"], f'`to`: "{"(" * 99}…" is nested too deep')


if __name__ == "__main__":
    unittest.main()
