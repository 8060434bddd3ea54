"""Sends mail over SMTP: a Runnel plugin of the protocol `exec`, with Python's standard library alone.

Standard input holds one JSON object: {"step": …, "with": {…}, "input": …, "run": {…}}.
Standard output takes JSON lines: one result or error.
"""

import base64
import contextlib
import ipaddress
import json
import mimetypes
import os
import smtplib
import socket
import ssl
import stat
import sys
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, getaddresses

PORTS = {"starttls": 587, "tls": 465, "none": 25}
LARGEST = 25 << 20
# Of a command, in seconds.
TIMEOUT = 30
# For sending the mail, and again for the reply to it (RFC 5321, section 4.5.3.2.6): the server may store, scan and forward
# the mail first. Both together fit into `timeout` of plugin.yaml.
MAIL_TIMEOUT = 600


class Failure(Exception):
    def __init__(self, code, message, hint=None, transient=False):
        super().__init__(message)
        self.report = {"type": "error", "code": code, "message": message, "transient": transient}
        if hint:
            self.report["hint"] = hint


def words(value):
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def quoted(text):
    return json.dumps(text if len(text) <= 100 else text[:99] + "…", ensure_ascii=False)


def addresses(values, key):
    """The parsed addresses of a key; a line break, a half address, and several addresses in one text are refused.

    A text may come from a caller, who must not add recipients.
    """
    found = []
    for value in values:
        if any(ord(character) < 32 for character in value):
            raise Failure("bad-address", f"`{key}`: the address {quoted(value)} has a control character in it")
        try:
            parsed = getaddresses([value])
        except RecursionError:
            raise Failure("bad-address", f"`{key}`: {quoted(value)} is nested too deep") from None
        if len(parsed) > 1:
            hint = 'a name with a comma stands in quotes: "Doe, Ada" <ada@example.com>'
            if key in ("to", "cc", "bcc"):
                hint = f"write a list, such as [ada@example.com, grace@example.com]; {hint}"
            raise Failure("bad-address", f"`{key}`: {quoted(value)} is more than one address", hint=hint)
        for name, address in parsed:
            user, at, domain = address.rpartition("@")
            if not (at and user and domain) or " " in address:
                raise Failure(
                    "bad-address", f"`{key}`: {quoted(value)} is not an address",
                    hint="write user@example.com, or Name <user@example.com>")
            try:
                found.append(Address(name, addr_spec=address))
            except (HeaderParseError, ValueError, IndexError):
                # A domain or a user outside of ASCII.
                found.append(Address(name, username=user, domain=domain))
    return found


def open_file(path, project):
    """Opens a file of the project part by part and follows no link: one may appear after Runnel has checked the path."""
    root = os.path.normpath(project)
    parts = os.path.relpath(os.path.join(root, path), root).split(os.sep)
    if parts[0] == os.pardir:
        raise Failure("path-outside", f'"{path}" leads out of the project')
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for number, part in enumerate(parts, 1):
        flags = os.O_NONBLOCK if number == len(parts) else os.O_DIRECTORY
        try:
            if stat.S_ISLNK(os.stat(part, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise Failure("path-is-link", f'"{path}" leads through a symbolic link', hint="name the file itself")
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def attachment(message, path, project, room):
    """Adds a file of the project."""
    try:
        with open(open_file(path, project), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Failure("file-is-folder", f'cannot read "{path}": it is not a regular file', hint="name a file")
            content = file.read(room + 1)
    except IsADirectoryError:
        raise Failure("file-is-folder", f'cannot read "{path}": it is a folder', hint="name a file") from None
    except OSError as error:
        raise Failure("file-not-found", f'cannot read the attachment "{path}": {error.strerror}') from None
    if len(content) > room:
        raise Failure("mail-too-large", "the attachments are larger than 25 MiB together")
    kind, encoding = mimetypes.guess_type(path)
    main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
    message.add_attachment(content, maintype=main, subtype=sub, filename=os.path.basename(path))
    return room - len(content)


def build(given, sender, text, run, project):
    message = EmailMessage(policy=SMTP)
    recipients = []
    try:
        message["From"] = addresses([sender], "from")
        for key, header in (("to", "To"), ("cc", "Cc"), ("bcc", None)):
            found = addresses(words(given.get(key)), key)
            recipients += [address.addr_spec for address in found]
            if header and found:
                message[header] = found
        if "reply_to" in given:
            message["Reply-To"] = addresses([given["reply_to"]], "reply_to")
        message["Subject"] = given["subject"]
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{run['idempotency_key'].replace(':', '.')}@runnel.invalid>"
        # Automatic answers, such as those of somebody on leave, are not wanted (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
    except (ValueError, MessageError) as error:
        raise Failure("bad-header", f"the mail cannot have such a header field: {error}",
                      hint="a subject is one line; `| trim` removes line breaks at its ends") from None
    if not recipients:
        raise Failure("bad-address", "`to` names nobody")
    message.set_content(text)
    if "html" in given:
        message.add_alternative(given["html"], subtype="html")
    room = LARGEST
    for path in given.get("attachments", []):
        room = attachment(message, path, project, room)
    return message, recipients


def is_here(host):
    try:
        return all(ipaddress.ip_address(entry[4][0].split("%")[0]).is_loopback for entry in socket.getaddrinfo(host, None))
    except (OSError, ValueError):
        return False


def sign_in(server, username, password):
    if username.isascii() and password.isascii():
        server.login(username, password)
        return
    # smtplib's `login` takes ASCII only.
    server.ehlo_or_helo_if_needed()
    proof = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    code, reply = server.docmd("AUTH", f"PLAIN {proof}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, reply)


class Connection(smtplib.SMTP):
    """Tells whether a connection broke before the mail was sent completely, or after it."""

    # Whether the last thing that was sent is the line with a dot at the end of a mail.
    has_sent_mail = False

    def send(self, data):
        is_mail = data[-5:] == b"\r\n.\r\n"
        if is_mail:
            self.sock.settimeout(MAIL_TIMEOUT)
        super().send(data)
        self.has_sent_mail = is_mail

    def data(self, mail):
        try:
            return super().data(mail)
        finally:
            if self.sock:
                self.sock.settimeout(TIMEOUT)


class TLSConnection(Connection, smtplib.SMTP_SSL):
    pass


def deliver(message, recipients, given, project):
    host = given.get("host")
    if not host:
        raise Failure("mail-unconfigured", "there is no SMTP server",
                      hint="set `plugins: { mail: { host: … } }` in runnel.yaml, or `host` in the step")
    security = given.get("security", "starttls")
    port = given.get("port", PORTS[security])
    ca = given.get("ca")
    try:
        context = ssl.create_default_context(cafile=os.path.join(project, ca) if ca else None)
    except OSError as error:
        raise Failure("mail-tls", f"`ca`: {quoted(ca)} cannot be used: {error}") from None
    if security == "tls":
        server = TLSConnection(host, port, timeout=TIMEOUT, context=context)
    else:
        server = Connection(host, port, timeout=TIMEOUT)
    try:
        if security == "starttls":
            server.starttls(context=context)
        if given.get("username"):
            if security == "none" and not is_here(host):
                raise Failure("mail-insecure", "a password is not sent over a connection that is not encrypted",
                              hint="set `security: starttls` or `tls`")
            sign_in(server, given["username"], given.get("password", ""))
        return server.send_message(message, from_addr=message["From"].addresses[0].addr_spec, to_addrs=recipients)
    except smtplib.SMTPServerDisconnected as error:
        if not server.has_sent_mail:
            raise
        raise Failure("mail-unconfirmed", f"{host} did not confirm the mail, which may have been delivered: {error}",
                      hint="see whether it has arrived before you send it again") from None
    finally:
        # An error here does not change what became of the mail.
        with contextlib.suppress(Exception):
            server.quit()


def text_of(error):
    reply = getattr(error, "smtp_error", b"")
    reply = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
    return f"{getattr(error, 'smtp_code', '')} {reply}".strip()


def refusals(refused):
    return ", ".join(
        f"{address} ({code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply})"
        for address, (code, reply) in sorted(refused.items()))


def send(request):
    project = os.environ.get("RUNNEL_PROJECT", ".")
    settings = json.loads(os.environ.get("RUNNEL_SETTINGS") or "{}")
    given = {**settings, **request["with"]}
    sender = given.get("from")
    if not sender:
        raise Failure("mail-unconfigured", "the mail has no sender",
                      hint="set `plugins: { mail: { from: … } }` in runnel.yaml, or `from` in the step")
    text = given.get("text", request["input"])
    if isinstance(text, dict):
        text = text.get("text", text)
    if not isinstance(text, str):
        text = "" if text is None else json.dumps(text, ensure_ascii=False, indent=2)
    message, recipients = build(given, sender, text, request["run"], project)
    where = f"{given.get('host')}"
    try:
        refused = deliver(message, recipients, given, project)
    except smtplib.SMTPRecipientsRefused as error:
        transient = all(400 <= code < 500 for code, _ in error.recipients.values())
        raise Failure("mail-refused", f"{where} refused all recipients: {refusals(error.recipients)}",
                      transient=transient) from None
    except smtplib.SMTPAuthenticationError as error:
        raise Failure("mail-login", f"{where} refused the user name or the password: {text_of(error)}") from None
    except smtplib.SMTPResponseException as error:
        raise Failure("mail-refused", f"{where} refused the mail: {text_of(error)}",
                      transient=400 <= error.smtp_code < 500) from None
    except smtplib.SMTPNotSupportedError as error:
        raise Failure("mail-unsupported", f"{where} cannot do that: {error}",
                      hint="`security: tls` if the server has no STARTTLS") from None
    except ssl.SSLError as error:
        raise Failure("mail-tls", f"there is no secure connection to {where}: {error}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Failure("mail-unreachable", f"{where} cannot be reached: {error}", transient=True) from None
    if refused:
        # The others have got it, so a retry would send it to them once more.
        raise Failure("mail-refused", f"the mail was sent, but {where} refused {refusals(refused)}")
    return {"message_id": message["Message-ID"], "recipients": recipients}


def main():
    request = json.load(sys.stdin)
    try:
        report = {"type": "result", "output": send(request)}
    except Failure as failure:
        report = failure.report
    print(json.dumps(report), flush=True)


main()
