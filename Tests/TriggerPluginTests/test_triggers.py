"""The triggers `imap` and `mqtt` in `runnel serve`, against Dovecot and Mosquitto on free ports of this machine.

    scripts/packages.sh test && scripts/python.sh
    .build/python/bin/python Tests/TriggerPluginTests/test_triggers.py PATH-OF-RUNNEL

RUNNEL_KILLS says how often a side is killed or frozen, of each trigger; 8 unless it is set.
"""

import base64
import email.message
import grp
import imaplib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNNEL = ""
KILLS = int(os.environ.get("RUNNEL_KILLS", "8"))
PATIENCE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {patience} s")


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def certificate(folder):
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert,
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)
    return key, cert


class Program:
    """A server of Debian that ends with the test."""

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        eventually(lambda: listens(self.port), f"{self.command[0]}: listening")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Dovecot(Program):
    def __init__(self, folder):
        self.folder, self.port, self.tls_port = folder, free_port(), free_port()
        folder.mkdir()
        key, cert = certificate(folder)
        self.certificate = cert
        me = pwd.getpwuid(os.getuid())
        # Dovecot does not read mail as root.
        owner = pwd.getpwnam("nobody") if me.pw_uid == 0 else me
        group = grp.getgrgid(owner.pw_gid).gr_name
        (folder / "mail").mkdir()
        os.chmod(folder, 0o755)
        shutil.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        internal = "" if me.pw_uid == 0 else f"""
default_internal_user = {me.pw_name}
default_internal_group = {group}
default_login_user = {me.pw_name}
service anvil {{ chroot = }}
"""
        (folder / "dovecot.conf").write_text(f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
first_valid_uid = 1
auth_username_chars =
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 1000
passdb {{
  driver = static
  args = password=s3cr3t-word
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
{internal}
""")
        self.command = ["dovecot", "-F", "-c", str(folder / "dovecot.conf")]

    def connect(self):
        connection = imaplib.IMAP4("127.0.0.1", self.port)
        connection.login("ada", "s3cr3t-word")
        return connection


class ScriptedMailbox(socketserver.ThreadingTCPServer):
    """An IMAP server with mails 1 to 3, which answers a request for the content of mail 2 with `answer`."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), ScriptedConnection)
        self.answer, self.port = answer, self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class ScriptedConnection(socketserver.StreamRequestHandler):
    def handle(self):
        self.say(b"* OK ready")
        for line in self.rfile:
            tag, command = line.decode().strip().split(" ", 1)
            self.say(tag.encode() + b" " + (self.answer(command) or b"OK done"))

    def answer(self, command):
        if command == "CAPABILITY":
            self.say(b"* CAPABILITY IMAP4rev1")
        elif command.startswith("SELECT"):
            self.say(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 4] next")
        elif found := re.match(r"UID SEARCH UID (\d+):", command):
            self.say(b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(min(int(found[1]), 3), 4)))
        elif found := re.match(r"UID FETCH (\d+) \((.*)\)", command):
            uid, items = int(found[1]), found[2]
            content = b"Subject: mail %d\r\n\r\nhi\r\n" % uid
            if items.startswith("RFC822.SIZE"):
                self.say(b'* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "27-Nov-2026 00:00:00 +0000")'
                         % (uid, uid, len(content)))
            elif uid != 2:
                self.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)" % (uid, uid, len(content), content))
            elif self.server.answer.startswith(b"NO"):
                return self.server.answer
            elif self.server.answer:
                self.say(b"* 2 FETCH (UID 2 BODY[] %b)" % self.server.answer)
        return None

    def say(self, line):
        self.wfile.write(line + b"\r\n")


class Mosquitto(Program):
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        me = pwd.getpwuid(os.getuid()).pw_name
        os.chmod(folder, 0o777)
        subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "ada", "s3cr3t-word"], check=True)
        os.chmod(folder / "passwords", 0o644 if me == "root" else 0o600)
        (folder / "mosquitto.conf").write_text(f"""
listener {self.port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 20
""")
        self.command = ["mosquitto", "-c", str(folder / "mosquitto.conf")]

    def publisher(self):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="publisher", protocol=paho.MQTTv5)
        client.username_pw_set("ada", "s3cr3t-word")
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return client


class Project:
    """A folder that `runnel serve` serves."""

    def __init__(self, folder, plugin, trigger, text):
        self.folder, self.plugin = folder, plugin
        (folder / "plugins").mkdir(parents=True)
        shutil.copytree(ROOT / "plugins" / plugin, folder / "plugins" / plugin)
        (folder / "pipelines").mkdir()
        (folder / "runnel.yaml").write_text("secrets: { word: { env: TEST_WORD } }\n")
        (folder / "pipelines" / "p.yaml").write_text(
            "name: p\non:\n  " + trigger + "\nsteps:\n  - uses: template\n    with: { text: '" + text + "' }\n")
        venv = str(ROOT / ".build" / "python" / "bin")
        own = {name: value for name, value in os.environ.items() if not name.startswith("RUNNEL_")}
        self.environment = {**own, "TEST_WORD": "s3cr3t-word", "PATH": f"{venv}:{os.environ['PATH']}"}
        self.process = None

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [RUNNEL, "serve", "--port", "0"], cwd=self.folder, env=self.environment, stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()
        self.log.close()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGTERM)

    def children(self):
        """The processes of the trigger's program."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if words[1:2] == [f"{self.plugin}.py".encode()] and os.readlink(f"/proc/{name}/cwd").startswith(
                        str(self.folder)):
                    found.append(int(name))
            except OSError:
                pass
        return found

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def triggers(self):
        """`trigger` of each run, in the order of the runs."""
        return [json.loads(row) for row in self.rows("trigger")]

    def rows(self, column):
        path = self.folder / ".runnel" / "journal.db"
        if not path.exists():
            return []
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return [row[0] for row in database.execute(f"SELECT {column} FROM runs ORDER BY id")]
        except sqlite3.OperationalError:
            return []
        finally:
            database.close()

    def count(self):
        """The number of runs."""
        return len(self.rows("id"))

    def large_triggers(self):
        """`trigger` of each run, including large ones that the journal stores separately."""
        return [json.loads(subprocess.run(
            [RUNNEL, "runs", "show", row, "--json"], cwd=self.folder, env=self.environment, capture_output=True,
            check=True, timeout=60).stdout)["trigger"] for row in self.rows("id")]


def mail(number, attachment=None):
    message = email.message.EmailMessage()
    message["From"], message["To"] = "Grace <grace@example.com>", "ada@example.com"
    message["Subject"], message["Message-ID"] = f"mail {number}", f"<{number}@example.com>"
    message["Date"] = "Fri, 27 Nov 2026 09:00:00 +0900"
    message.set_content(f"This is mail {number}: äöü 日本\n")
    for name, content in (attachment or {}).items():
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes()


class TriggerTest(unittest.TestCase):
    server_type = None

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.temporary.name)
        os.chmod(self.folder, 0o755)
        self.server = self.server_type(self.folder / "server")
        self.server.start()
        self.project = None

    def tearDown(self):
        if self.project:
            self.project.stop()
        self.server.stop()
        self.temporary.cleanup()

    def serve(self, trigger, text):
        plugin = trigger.split(":")[0]
        self.project = Project(self.folder / "project", plugin, trigger, text)
        self.project.start()
        return self.project

    def waits(self, words, count=1):
        eventually(lambda: self.is_waiting(words, count), f"the trigger: {words}")

    def is_waiting(self, words, count):
        return self.project.log_text().count(words) >= count

    def harm(self, random, send, count):
        """Kills and freezes both sides while `send` brings events. Each event is one run at the end."""
        stop = threading.Event()
        sent = []

        def work():
            number = 0
            while not stop.is_set():
                number += 1
                send(number)
                sent.append(number)
                time.sleep(random.uniform(0, 0.05))

        sender = threading.Thread(target=work)
        sender.start()
        try:
            for _ in range(count):
                time.sleep(random.uniform(0.05, 0.8))
                children = self.project.children()
                harm = random.choice(["child", "child", "runnel", "freeze", "stop"])
                if harm == "runnel" or harm == "stop":
                    self.project.kill(signal.SIGKILL if harm == "runnel" else signal.SIGTERM)
                    # No child outlives Runnel.
                    eventually(lambda: not self.project.children(), "the end of the trigger's program")
                    self.project.start()
                elif children and harm == "child":
                    os.kill(random.choice(children), signal.SIGKILL)
                elif children:
                    child = random.choice(children)
                    os.kill(child, signal.SIGSTOP)
                    time.sleep(random.uniform(0, 0.5))
                    os.kill(child, random.choice([signal.SIGCONT, signal.SIGKILL]))
        finally:
            stop.set()
            sender.join()
        eventually(lambda: len(self.project.triggers()) >= len(sent), f"{len(sent)} runs", 120)
        # Nothing more comes.
        time.sleep(0.5)
        return sent


class IMAPTests(TriggerTest):
    server_type = Dovecot

    def entry(self, more=""):
        return (f"imap: {{ host: 127.0.0.1, port: {self.server.port}, security: none, username: ada, "
                f"password: \"{{{{ secrets.word }}}}\"{more} }}")

    def append(self, *mails):
        connection = self.server.connect()
        for content in mails:
            connection.append("INBOX", None, None, content)
        connection.logout()

    def state(self):
        path = self.project.folder / ".runnel" / "journal.db"
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return list(database.execute("SELECT value FROM trigger_memory WHERE key = 'state'"))
        except sqlite3.OperationalError:
            return []
        finally:
            database.close()

    def begun(self):
        eventually(lambda: self.project.folder.joinpath(".runnel/journal.db").exists() and self.state(), "the first position")

    def test_new_mails_are_runs_with_their_parts(self):
        self.append(mail(1))
        project = self.serve(self.entry(", attachments: inbox/mail"), "{{ trigger.subject }}")
        self.begun()
        self.append(mail(2, {"../../résumé 1.pdf": b"%PDF", "b.pdf": b"x" * 100_000}))
        eventually(lambda: len(project.triggers()) == 1, "one run")
        trigger = project.triggers()[0]
        self.assertEqual(trigger["type"], "imap")
        self.assertEqual(trigger["subject"], "mail 2")
        self.assertEqual(trigger["from"], {"name": "Grace", "address": "grace@example.com"})
        self.assertEqual(trigger["to"], [{"name": None, "address": "ada@example.com"}])
        self.assertEqual(trigger["date"], "2026-11-27T09:00:00+09:00")
        self.assertEqual(trigger["text"], "This is mail 2: äöü 日本\n")
        self.assertEqual(trigger["headers"]["message-id"], "<2@example.com>")
        self.assertFalse(trigger["truncated"])
        first, second = trigger["attachments"]
        self.assertEqual(first["media_type"], "application/pdf")
        self.assertRegex(first["path"], r"^inbox/mail/\d+-2/r.sum._1\.pdf$")
        self.assertEqual((project.folder / first["path"]).read_bytes(), b"%PDF")
        self.assertEqual((project.folder / second["path"]).read_bytes(), b"x" * 100_000)
        self.assertNotIn("s3cr3t-word", project.log_text())

    def test_user_names_may_have_any_characters(self):
        for name in ["jürgen müller", 'a "b" \\c']:
            with self.subTest(name):
                connection = imaplib.IMAP4("127.0.0.1", self.server.port)
                connection.authenticate("PLAIN", lambda _: f"\0{name}\0s3cr3t-word".encode())
                connection.append("INBOX", None, None, mail(1))
                connection.logout()
                self.serve(self.entry(", from: all").replace("ada", json.dumps(name)), "{{ trigger.subject }}")
                eventually(lambda: len(self.project.triggers()) == 1, "one run")
                self.project.stop()
                shutil.rmtree(self.project.folder)

    def test_all_mails_of_a_mailbox_and_what_becomes_of_them(self):
        connection = self.server.connect()
        self.addCleanup(connection.shutdown)
        connection.create("Done")
        self.append(mail(1), mail(2))
        project = self.serve(self.entry(", from: all, after: move, move_to: Done"), "{{ trigger.subject }}")
        eventually(lambda: len(project.triggers()) == 2, "two runs")

        def count(mailbox):
            return int(connection.select(mailbox, readonly=True)[1][0])
        eventually(lambda: count("Done") == 2 and count("INBOX") == 0, "two mails that were moved")

    def test_malformed_mails_are_runs_and_keep_none_behind_them(self):
        mails = [
            b'From: "\r\nSubject: quote\r\n\r\nhi\r\n', b"From: a@\r\nSubject: no domain\r\n\r\nhi\r\n",
            b"From: a@b.c\r\nSubject: date\r\nDate: Mon, 1 Jan 99999999999999999999 00:00:00 +0000\r\n\r\nhi\r\n",
            b"Message-ID: <\r\nSubject: id\r\nDate: Fri, 27 Nov 2026 09:00:00 -0000\r\n\r\nhi\r\n",
            mail(5, {"領収書" * 40 + ".pdf": b"%PDF"}), mail(6)]
        self.append(*mails)
        project = self.serve(self.entry(", from: all, attachments: inbox"), "{{ trigger.subject }}")
        eventually(lambda: len(project.triggers()) == len(mails), "a run for each mail")
        runs = project.triggers()
        self.assertEqual(
            [run["subject"] for run in runs], ["quote", "no domain", "date", "id", "mail 5", "mail 6"])
        self.assertEqual((runs[0]["headers"]["from"], runs[0]["text"]), ('"', "hi\n"))
        self.assertEqual((runs[2]["date"], runs[2]["from"]), (None, {"name": None, "address": "a@b.c"}))
        self.assertEqual(runs[3]["date"], "2026-11-27T09:00:00+00:00")
        self.assertEqual((project.folder / runs[4]["attachments"][0]["path"]).read_bytes(), b"%PDF")

    def test_mails_that_overload_the_parser_start_runs_and_do_not_block_later_mails(self):
        parts = b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (number, number) for number in range(2000))
        mails = [
            # Python's parsers recurse for nested comments, parts and mails, and take quadratic time for comments.
            b"From: " + b"(" * 5000 + b" a@b.c\r\nSubject: nested comments\r\n\r\nhi\r\n",
            b"From: a@b.c\r\nSubject: nested parts\r\n" + parts + b"\r\nhi\r\n",
            b"From: a@b.c\r\nSubject: nested mails\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000 + b"\r\nhi\r\n",
            b"Subject: many comments\r\nTo: " + b"(a)" * 100_000 + b"\r\n\r\nhi\r\n",
            b"Subject: " + b"long" * 500_000 + b"\r\n\r\nhi\r\n",
            # Written as JSON, it exceeds the maximum length of a line unless it is truncated.
            "Subject: emoji\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".encode() + "😀".encode() * (2 << 20),
            mail(7)]
        self.append(*mails)
        project = self.serve(self.entry(", from: all"), "{{ trigger.subject | truncate(20) }}")
        eventually(lambda: project.count() == len(mails), "a run for each mail", 120)
        runs = project.large_triggers()
        self.assertEqual(
            [run["subject"][:10] for run in runs],
            ["nested com", "nested par", "nested mai", "many comme", "longlonglo", "emoji", "mail 7"])
        self.assertEqual((runs[0]["from"], runs[0]["text"]), (None, "hi\n"))
        self.assertEqual(runs[1]["from"], {"name": None, "address": "a@b.c"})
        self.assertEqual([run["truncated"] for run in runs], [False, True, True, False, False, True, False])
        self.assertEqual(len(runs[5]["text"].encode()), 1 << 20)

    def test_mails_are_read_in_the_encoding_they_were_written_in(self):
        def word(name, content):
            return b"=?%b?B?%b?=" % (name, base64.b64encode(content))

        japanese = b"\x1b$B\x2d\x6a\x3b\x33\x45\x44\x7c\x62\x1b(B"
        cases = [(b"ISO-2022-JP", japanese, "㈱山田髙"), (b"Shift_JIS", "髙橋㈱ ①".encode("cp932"), "髙橋㈱ ①"),
                 (b"windows-31j", "日本".encode("cp932"), "日本"), (b"GB2312", "朱镕基".encode("gbk"), "朱镕基"),
                 (b"EUC-KR", "똠방".encode("cp949"), "똠방"), (b"Big5", "碁銹".encode("cp950"), "碁銹")]
        self.append(*[b"Subject: %b\r\nFrom: %b <a@b.c>\r\nContent-Type: text/plain; charset=%b\r\n\r\n%b\r\n"
                      % (word(name, content), word(name, content), name, content) for name, content, _ in cases])
        self.append("Subject: häß\r\n\r\nnicht benannt: ä\r\n".encode())
        project = self.serve(self.entry(", from: all"), "{{ trigger.subject }}")
        eventually(lambda: project.count() == len(cases) + 1, "a run for each mail")
        *runs, undeclared = project.triggers()
        for run, (name, _, text) in zip(runs, cases):
            with self.subTest(name):
                self.assertEqual((run["subject"], run["from"]["name"], run["text"]), (text, text, text + "\n"))
        self.assertEqual((undeclared["subject"], undeclared["text"]), ("häß", "nicht benannt: ä\n"))

    def test_an_attachment_whose_name_cannot_be_read_is_kept_without_it(self):
        for number, (charset, name) in enumerate([(b"ISO-2022-JP", "㈱山.pdf"), (b"ISO-2022-KR", "attachment-1")]):
            self.append(
                b"Subject: %d\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nthe text\r\n--B\r\n"
                b"Content-Type: application/pdf\r\nContent-Disposition: attachment; "
                b"filename*=%b''%%1B%%24B%%2Dj%%3B3%%1B%%28B.pdf\r\n\r\n%%PDF\r\n--B--\r\n" % (number, charset))
        project = self.serve(self.entry(", from: all"), "{{ trigger.subject }}")
        eventually(lambda: project.count() == 2, "two runs")
        runs = project.triggers()
        self.assertEqual([run["attachments"][0]["name"] for run in runs], ["㈱山.pdf", "attachment-1"])
        self.assertEqual([(run["text"], run["truncated"]) for run in runs], [("the text", False)] * 2)

    def test_a_mail_whose_run_got_only_a_part_of_it_is_not_deleted(self):
        self.append(mail(1), b"Subject: long\r\n\r\n" + b"a" * (1 << 20) + b"b\r\n", mail(3))
        project = self.serve(self.entry(", from: all, after: delete"), "{{ trigger.subject }}")
        eventually(lambda: project.count() == 3, "three runs")
        connection = self.server.connect()
        self.addCleanup(connection.shutdown)
        eventually(lambda: int(connection.select("INBOX", readonly=True)[1][0]) == 1, "two deleted mails")
        self.waits("mail 2 is not deleted: its run got only a part of it (`truncated`)")
        project.stop()
        project.start()
        self.append(mail(4))
        eventually(lambda: project.count() == 4, "the next run")
        self.assertEqual(connection.select("INBOX", readonly=True)[1][0], b"1")

    def messages(self, answer):
        """What the program writes about a mailbox whose mail 2 has the content `answer`, until it waits."""
        with ScriptedMailbox(answer) as server, self.program() as program:
            self.begin(program, {"port": server.port, "from": "all", "interval": 1}, None)
            found = []
            for line in program.stdout:
                found.append(json.loads(line))
                if found[-1]["type"] == "waiting":
                    break
                if "id" in found[-1]:
                    self.acknowledge(program, found[-1])
            program.kill()
        return [message for message in found if message["type"] not in ("state", "heartbeat")]

    def test_a_mail_whose_content_is_a_quoted_string_is_read(self):
        events = self.messages(b'"Subject: a \\"quoted\\" one"')[:-1]
        self.assertEqual([event["payload"]["subject"] for event in events], ["mail 1", 'a "quoted" one', "mail 3"])

    def test_a_mail_that_the_server_does_not_deliver_starts_a_run_without_content(self):
        for answer in (b"", b"NIL", b"NO not convertible"):
            with self.subTest(answer):
                found = self.messages(answer)
                self.assertEqual(
                    [message["text"] for message in found if message["type"] == "problem"],
                    ["mail 2 cannot be fetched: not convertible; later mails wait"] * (3 if b"NO" in answer else 0))
                self.assertIn("the server does not deliver mail 2; its run gets no content",
                              [message.get("text") for message in found])
                payloads = [message["payload"] for message in found if message["type"] == "event"]
                self.assertEqual([payload["subject"] for payload in payloads], ["mail 1", "", "mail 3"])
                self.assertEqual(
                    (payloads[1]["uid"], payloads[1]["size"], payloads[1]["received_at"], payloads[1]["truncated"]),
                    (2, 23, "2026-11-27T00:00:00Z", True))

    def test_a_forwarded_mail_is_attached_unchanged(self):
        inner = b"From: Alan <alan@example.com>\r\nSubject: =?utf-8?B?44GC?=\r\n\r\nHello.\r\n"
        self.append(
            b"From: a@b.c\r\nSubject: forwarded\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee there.\r\n"
            b"--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=mail.eml\r\n\r\n" + inner
            + b"--b--\r\n")
        project = self.serve(self.entry(", from: all, attachments: inbox"), "{{ trigger.subject }}")
        eventually(lambda: len(project.triggers()) == 1, "one run")
        attachment = project.triggers()[0]["attachments"][0]
        self.assertEqual(attachment["media_type"], "message/rfc822")
        self.assertEqual((project.folder / attachment["path"]).read_bytes(), inner[:-2])

    def test_an_attachment_does_not_become_a_pipeline_a_test_or_a_configuration(self):
        names = {
            "runnel.yaml": "runnel.yaml.txt", "a.test.yaml": "a.test.yaml.txt", "Invoice.YML": "Invoice.YML.txt",
            "plugin.yaml.": "plugin.yaml..txt", "../b.test.yaml": "b.test.yaml.txt", "\uff52unnel.\uff59aml": None,
            "c.te\u017ft.yaml": None, "d.yam\u115fl": None, "x" * 300 + ".test.yaml": None, "yaml": "yaml",
            "e.yaml.pdf": "e.yaml.pdf"}
        self.append(mail(1, {name: b"steps: []" for name in names}))
        project = self.serve(self.entry(", from: all, attachments: inbox"), "{{ trigger.subject }}")
        eventually(lambda: len(project.triggers()) == 1, "one run")
        attachments = project.triggers()[0]["attachments"]
        self.assertEqual(len(attachments), len(names))
        for (name, expected), attachment in zip(names.items(), attachments):
            saved = pathlib.PurePath(attachment["path"]).name
            self.assertTrue((project.folder / attachment["path"]).is_file())
            if expected is None:
                self.assertTrue(saved.endswith(".txt"), (name, saved))
            else:
                self.assertEqual(saved, expected)

    def test_tls_is_checked_and_a_wrong_password_is_a_problem(self):
        entry = (f"imap: {{ host: localhost, port: {self.server.tls_port}, username: ada, "
                 "password: \"{{ secrets.word }}\", from: all, interval: 1 }")
        self.append(mail(1))
        project = self.serve(entry, "{{ trigger.subject }}")
        self.waits(f"the certificate of localhost:{self.server.tls_port} is not valid: self-signed certificate; "
                   "set `ca` to the file of your own authority")
        shutil.copy(self.server.certificate, project.folder / "ca.pem")
        pipeline = project.folder / "pipelines" / "p.yaml"
        pipeline.write_text(pipeline.read_text().replace("interval: 1", "ca: ca.pem"))
        eventually(lambda: len(project.triggers()) == 1, "one run")
        project.stop()
        project.environment["TEST_WORD"] = "wrong-word"
        project.start()
        self.waits("check username and password")
        self.assertNotIn("wrong-word", project.log_text())

    def program(self):
        """The program without Runnel."""
        return subprocess.Popen(
            [sys.executable, ROOT / "plugins/imap/imap.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "RUNNEL_PROJECT": str(self.folder), "RUNNEL_SETTINGS": "{}"})

    def begin(self, program, options, state):
        options = {"host": "127.0.0.1", "security": "none", "username": "ada", "password": "s3cr3t-word", **options}
        print(json.dumps({"type": "start", "with": options, "state": state}), file=program.stdin, flush=True)

    def acknowledge(self, program, message):
        print(json.dumps({"type": "ack", "id": message["id"]}), file=program.stdin, flush=True)

    def emitted(self, state, count):
        """The subjects of the first events of the program, without Runnel, and the state behind the last.

        The program is killed after it has written the last one. A state without an event is None.
        """
        subjects = []
        with self.program() as program:
            self.begin(program, {"port": self.server.port}, state)
            for line in program.stdout:
                message = json.loads(line)
                self.assertNotEqual(message["type"], "error", line)
                if message["type"] in ("event", "state"):
                    state = message["state"]
                    subjects.append(message["payload"]["subject"] if message["type"] == "event" else None)
                    if len(subjects) == count:
                        break
                    self.acknowledge(program, message)
            program.kill()
        return subjects, state

    def test_after_new_numbers_no_mail_is_lost_or_doubled_over_restarts(self):
        connection = self.server.connect()
        self.addCleanup(connection.shutdown)
        second = 1795942000
        # The order of the numbers is not that of the arrivals.
        for number, arrival in ((1, second - 9), (2, second + 9), (3, second - 1), (4, second), (5, second - 86400)):
            connection.append("INBOX", None, imaplib.Time2Internaldate(arrival), mail(number))
        state, subjects = {"uidvalidity": 1, "uid": 50, "received": second}, []
        for _ in range(3):
            emitted, state = self.emitted(state, 1)
            subjects += emitted
        self.assertEqual(subjects, [None, "mail 2", "mail 4"])
        self.append(mail(6), mail(7))
        emitted, state = self.emitted(state, 2)
        self.assertEqual(emitted, ["mail 6", "mail 7"])
        self.assertNotIn("renumbered", state)

    def test_a_state_from_before_new_numbers_were_stored_is_taken_up(self):
        self.append(*[mail(number) for number in range(1, 4)])
        connection = self.server.connect()
        self.addCleanup(connection.shutdown)
        connection.select("INBOX", readonly=True)
        validity = int(connection.response("UIDVALIDITY")[1][0])
        self.assertEqual(
            self.emitted({"uidvalidity": validity, "uid": 1, "received": 1, "unfinished": 1}, 2)[0], ["mail 2", "mail 3"])

    def test_an_emptied_mailbox_with_new_numbers_goes_on_with_the_next_mail(self):
        _, state = self.emitted({"uidvalidity": 1, "uid": 50, "received": 1795942000}, 1)
        self.assertNotIn("renumbered", state)
        self.append(mail(1))
        self.assertEqual(self.emitted(state, 1)[0], ["mail 1"])

    def test_every_mail_is_one_run_whoever_is_killed(self):
        connection = self.server.connect()
        self.addCleanup(connection.shutdown)
        self.serve(self.entry(), "{{ trigger.subject }}")
        self.begun()
        seed = random.randrange(1 << 30)
        sent = self.harm(
            random.Random(seed), lambda number: connection.append("INBOX", None, None, mail(number)), KILLS)
        subjects = [trigger["subject"] for trigger in self.project.triggers()]
        self.assertEqual(subjects, [f"mail {number}" for number in sent], f"seed {seed}")


class MQTTTests(TriggerTest):
    server_type = Mosquitto

    def entry(self, more=""):
        return (f"mqtt: {{ host: 127.0.0.1, port: {self.server.port}, security: none, username: ada, "
                f"password: \"{{{{ secrets.word }}}}\", client_id: runnel, topics: [plant/+/temperature]{more} }}")

    def subscribed(self):
        """Waits until the broker knows the session."""
        eventually(lambda: "as runnel" in (self.server.folder / "log").read_text(errors="replace"), "a session")
        time.sleep(0.3)

    def test_messages_are_runs_with_their_parts(self):
        project = self.serve(self.entry(), "{{ trigger.topic }}")
        self.subscribed()
        client = self.server.publisher()
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType, properties.UserProperty = "application/json", ("unit", "C")
        client.publish("plant/1/temperature", json.dumps({"celsius": 81}), 1, properties=properties).wait_for_publish(10)
        client.publish("plant/2/temperature", b"\xff\x00", 1).wait_for_publish(10)
        client.publish("plant/2/pressure", b"5", 1).wait_for_publish(10)
        eventually(lambda: len(project.triggers()) == 2, "two runs")
        first, second = project.triggers()
        self.assertEqual(first, {
            "type": "mqtt", "topic": "plant/1/temperature", "payload": '{"celsius": 81}', "json": {"celsius": 81},
            "base64": None, "size": 15, "truncated": False, "qos": 1, "retained": False,
            "properties": {"content_type": "application/json", "user": {"unit": "C"}}})
        self.assertEqual((second["payload"], second["json"], second["base64"]), (None, None, "/wA="))
        # JSON that cannot be serialised again is passed on as text, and later messages still arrive.
        for text in ["1e999", "9" * 400, "[" * 600 + "]" * 600]:
            client.publish("plant/2/temperature", text, 1).wait_for_publish(10)
        eventually(lambda: len(project.triggers()) == 5, "three more runs")
        self.assertEqual([run["json"] for run in project.triggers()[2:]], [None] * 3)
        self.assertEqual(project.triggers()[2]["payload"], "1e999")
        # What comes while nobody serves is kept by the broker.
        project.stop()
        client.publish("plant/3/temperature", "20", 1).wait_for_publish(10)
        project.start()
        eventually(lambda: len(project.triggers()) == 6, "another run")
        client.loop_stop()

    def test_large_messages_start_runs_and_do_not_block_later_messages(self):
        project = self.serve(self.entry(), "{{ trigger.topic }}")
        self.subscribed()
        client = self.server.publisher()
        # Without limits, each large message would exceed the maximum length of the program's line.
        for content in [b"[1]" + b" " * 3_000_000, b"\1" * (4 << 20), b"\xff" * (5 << 20), b"small"]:
            client.publish("plant/1/temperature", content, 1).wait_for_publish(10)
        client.loop_stop()
        eventually(lambda: project.count() == 4, "a run for each message")
        runs = project.large_triggers()
        self.assertEqual([run["size"] for run in runs], [3_000_003, 4 << 20, 5 << 20, 5])
        self.assertEqual([run["truncated"] for run in runs], [False, False, True, False])
        self.assertEqual((runs[0]["json"], runs[1]["payload"]), ([1], "\1" * (4 << 20)))
        self.assertEqual((runs[2]["payload"], runs[2]["json"], runs[2]["base64"]), (None, None, None))

    def test_a_wrong_password_is_a_problem(self):
        project = self.serve(self.entry().replace("{{ secrets.word }}", "nothing"), "{{ trigger.topic }}")
        self.waits(f"127.0.0.1:{self.server.port} refused the connection: Not authorized")
        self.assertEqual(project.triggers(), [])

    def test_every_message_is_one_run_whoever_is_killed(self):
        self.serve(self.entry(), "{{ trigger.topic }}")
        self.subscribed()
        client = self.server.publisher()
        seed = random.randrange(1 << 30)
        sent = self.harm(
            random.Random(seed),
            # Half of them are alike, so that only the ids tell them apart.
            lambda number: client.publish("plant/1/temperature", str(number // 2), 1).wait_for_publish(10), KILLS)
        payloads = sorted(int(trigger["payload"]) for trigger in self.project.triggers())
        self.assertEqual(payloads, sorted(number // 2 for number in sent), f"seed {seed}")
        client.loop_stop()


if __name__ == "__main__":
    RUNNEL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
