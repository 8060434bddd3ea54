"""Starts a run for each new mail: a trigger of a Runnel plugin of the protocol `exec`.

Standard input holds JSON lines: first {"type": "start", "with": {…}, "state": …}, then an ack or a nack for each event.
Standard output takes JSON lines: events, each with the position behind it as its state.
"""

import codecs
import collections
import contextlib
import datetime
import email
import email.parser
import email.policy
import email.utils
import encodings
import encodings.aliases
import imaplib
import json
import os
import re
import select
import signal
import socket
import ssl
import sys
import time
import unicodedata

TEXT_LIMIT = 1 << 20
HEADER_LIMIT = 64 << 10
# The maximum size of all header fields together, before they are parsed.
RAW_HEADER_LIMIT = 256 << 10
ATTACHMENT_COUNT = 100
NAME_LIMIT = 1000
# The maximum CPU time in seconds of each of the four calls of `parsed`: together less than the 2 minutes of the heartbeat.
PARSE_TIME = 20
# Between two lines to Runnel, which takes a program that is silent for longer than 2 minutes for frozen.
HEARTBEAT = 30
TIMEOUT = 60
# How often the server may refuse a mail before its run starts without it.
REFUSAL_LIMIT = 3
# The line that lists a mailbox with 150,000 mails is longer than the default limit of imaplib.
imaplib._MAXLINE = 16 << 20


class Failure(Exception):
    def __init__(self, code, message, hint=None, transient=False):
        super().__init__(message)
        self.message = {"type": "error", "code": code, "message": message, "transient": transient}
        if hint:
            self.message["hint"] = hint


class Refused(Failure):
    """The server refused one mail; the others can still be fetched."""

    def __init__(self, uid, message):
        super().__init__("imap-error", message, transient=True)
        self.uid = uid


class Stopped(Exception):
    """Runnel has closed standard input."""


class TooSlow(BaseException):
    """Parsing took too long. It is not an `Exception`, so that only `parsed` catches it."""


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Answers:
    """Standard input, without a buffer that `select` could not see."""

    def __init__(self):
        self.rest = b""

    def read(self):
        while b"\n" not in self.rest:
            piece = os.read(0, 65536)
            if not piece:
                raise Stopped()
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)


# Encodings by the name of a smaller one that mails declare instead (https://encoding.spec.whatwg.org).
SUPERSETS = {
    "shift_jis": "cp932", "x_sjis": "cp932", "windows_31j": "cp932", "gb2312": "gb18030", "gbk": "gb18030",
    "x_gbk": "gb18030", "euc_kr": "cp949", "ks_c_5601": "cp949", "big5": "big5hkscs", "iso2022_jp": "iso2022_jp",
    "cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "euc_jp": "euc_jp", "x_euc_jp": "euc_jp",
}


def shifted(pair):
    """A character of JIS X 0208 in Shift_JIS."""
    row, cell = pair
    low = cell + (0x7E if row % 2 == 0 else 0x20 if cell > 0x5F else 0x1F)
    return bytes([(row + 1) // 2 + (0x70 if row < 0x5F else 0xB0), low])


def decode_iso2022_jp(content, errors="strict"):
    """Decodes ISO-2022-JP with the characters that Windows adds to JIS X 0208, such as "㈱"."""
    text, escape = "", b""
    for part in re.split(rb"(\x1b(?:\$\([^\x1b]|[(.$][^\x1b]))", bytes(content)):
        if part.startswith(b"\x1b"):
            escape = part
        elif escape in (b"\x1b$B", b"\x1b$@"):
            # Line breaks and spaces between the pairs stay.
            text += re.sub(rb"[\x21-\x7e]{2}", lambda pair: shifted(pair.group()), part).decode("cp932", errors)
        else:
            text += (escape + part).decode("iso2022_jp_ext", errors)
    return text, len(content)


def decode_euc_jp(content, errors="strict"):
    """Decodes EUC-JP with the characters that Windows adds to JIS X 0208."""
    def in_shift_jis(match):
        kana, pair = match.groups()
        return kana or (shifted(bytes(byte & 0x7F for byte in pair)) if pair else b"\xff")
    text = ""
    for part in re.split(rb"(\x8f[\xa1-\xfe]{2})", bytes(content)):
        if part.startswith(b"\x8f"):
            text += encodings.search_function("euc_jp").decode(part, errors)[0]
        else:
            pairs = re.sub(rb"\x8e([\xa1-\xdf])|([\xa1-\xfe]{2})|[\x80-\xff]", in_shift_jis, part)
            text += pairs.decode("cp932", errors)
    return text, len(content)


def superset(name):
    """The codec of the encoding that a mail with this one may be written in."""
    name = SUPERSETS.get(encodings.aliases.aliases.get(name, name))
    if name is None:
        return None
    codec = encodings.search_function(name)
    lenient = {"iso2022_jp": decode_iso2022_jp, "euc_jp": decode_euc_jp}.get(name, codec.decode)

    def decode(content, errors="strict"):
        # `surrogateescape`, with which Python's parsers try again, raises an error for bytes below 0x80.
        return lenient(content, "replace" if errors == "surrogateescape" else errors)

    return codecs.CodecInfo(codec.encode, decode, name=name)


# Python 3.9 cannot replace its own codecs.
if hasattr(codecs, "unregister"):
    codecs.unregister(encodings.search_function)
    codecs.register(superset)
    codecs.register(encodings.search_function)


class MailPolicy(email.policy.EmailPolicy):
    """Leaves out a name that cannot be parsed, which would make its part unreadable."""

    NAME = re.compile(r''';\s*(?:file)?name[*\d]*\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;]*)''', re.IGNORECASE)

    def header_fetch_parse(self, name, value):
        try:
            return super().header_fetch_parse(name, value)
        except Exception:
            return super().header_fetch_parse(name, self.NAME.sub("", value))


POLICY = MailPolicy()


def sign_in(connection, username, password):
    # imaplib's `login` does not quote the user name, and takes ASCII only.
    if re.fullmatch(r"[\w.@+-]+", username, re.ASCII) and password.isascii():
        connection.login(username, password)
    else:
        connection.authenticate("PLAIN", lambda _: f"\0{username}\0{password}".encode())


def is_local(host):
    return host in ("localhost", "::1") or host.startswith("127.")


def connect(options, project):
    host = options.get("host")
    if not host:
        raise Failure("bad-with", "`host` is missing: there is no IMAP server to ask",
                      "set it in the entry, or as `plugins: { imap: { host: … } }` in runnel.yaml")
    security = options.get("security", "tls")
    port = options.get("port") or (993 if security == "tls" else 143)
    if security == "none" and options.get("password") and not is_local(host):
        raise Failure("insecure", f'the password is not sent to "{host}" over a connection that is not encrypted',
                      "use `security: tls` or `security: starttls`")
    context = ssl.create_default_context()
    if options.get("ca"):
        try:
            context.load_verify_locations(os.path.join(project, options["ca"]))
        except (OSError, ssl.SSLError) as error:
            raise Failure("bad-with", f'`ca`: "{options["ca"]}" cannot be used: {error}') from error
    where = f"{host}:{port}"
    try:
        if security == "tls":
            connection = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT)
        else:
            connection = imaplib.IMAP4(host, port, timeout=TIMEOUT)
            if security == "starttls":
                connection.starttls(context)
    except ssl.SSLCertVerificationError as error:
        raise Failure("certificate", f"the certificate of {where} is not valid: {error.verify_message}",
                      "set `ca` to the file of your own authority", transient=True) from error
    except (OSError, imaplib.IMAP4.error) as error:
        raise Failure("cannot-connect", f"cannot connect to {where}: {error}", transient=True) from error
    try:
        sign_in(connection, options.get("username", ""), options.get("password", ""))
    except imaplib.IMAP4.error as error:
        reason = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else error
        raise Failure("login-failed", f'{where} refused "{options.get("username", "")}": {reason}',
                      "check username and password") from error
    # Servers offer more after the login.
    connection.capabilities = tuple(done(connection.capability(), "the server does not answer")[-1].decode().upper().split())
    return connection


def done(answer, what):
    status, data = answer
    if status != "OK":
        words = b" ".join(item for item in data if isinstance(item, bytes)).decode(errors="replace")
        raise Failure("imap-error", f"{what}: {words or status}", transient=True)
    return data


def quoted(mailbox):
    """The name of a mailbox as IMAP writes it: modified UTF-7, in quotes (RFC 3501, 5.1.3)."""
    def run(match):
        import base64
        text = base64.b64encode(match.group().encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{text}-"
    name = re.sub(r"[^\x20-\x7e]+", run, mailbox.replace("&", "&-"))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def select_mailbox(connection, mailbox):
    done(connection.select(quoted(mailbox)), f'the mailbox "{mailbox}" cannot be opened')
    status = connection.response("UIDVALIDITY")[1]
    validity = int(status[0]) if status and status[0] else 0
    following = connection.response("UIDNEXT")[1]
    if following and following[0]:
        return validity, int(following[0])
    uids = search(connection, "ALL")
    return validity, (uids[-1] if uids else 0) + 1


def search(connection, *criteria):
    data = done(connection.uid("SEARCH", None, *criteria), "the mails cannot be listed")
    return sorted(int(uid) for uid in (data[0] or b"").split())


def fetch(connection, uid, items):
    """The response texts of one mail: the line with its attributes, and its content; None if there is none."""
    try:
        data = done(connection.uid("FETCH", str(uid), f"({items})"), f"mail {uid} cannot be fetched")
    except Failure as failure:
        raise Refused(uid, failure.message["message"]) from failure
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        # The answer BAD.
        raise Refused(uid, f"mail {uid} cannot be fetched: {error}") from error
    line, content = b"", None
    for part in data:
        if isinstance(part, tuple):
            line += part[0] + b" "
            content = part[1] if content is None else content
        elif isinstance(part, bytes):
            line += part + b" "
    if content is None and (match := re.search(rb'BODY\[[^\]]*\] "((?:[^"\\]|\\.)*)"', line)):
        content = re.sub(rb"\\(.)", rb"\1", match.group(1))
    return line, content


def received(line):
    match = re.search(rb'INTERNALDATE "[^"]*"', line)
    parsed = imaplib.Internaldate2tuple(match.group()) if match else None
    return time.mktime(parsed) if parsed else None


def rfc3339(seconds):
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def time_limit(seconds):
    """Limits the CPU time. The elapsed time would also count while the machine is busy or suspended."""
    def stop(*_):
        raise TooSlow(f"it takes longer than {seconds} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def parsed(uid, what, parse, fallback):
    """The result of `parse` and True; if `parse` fails or takes too long, the result of `fallback` and False.

    For some mails Python's parsers raise an error, recurse too deeply, or take quadratic time. Such a mail must not block
    the mails after it.
    """
    try:
        with time_limit(PARSE_TIME):
            return parse(), True
    except (Exception, TooSlow) as error:
        say(type="note", text=f"mail {uid} is malformed; its run gets no {what}: {error!r}")
        return fallback(), False


def raw_headers(message):
    """The names and values of the header fields as they were sent, up to `RAW_HEADER_LIMIT`."""
    found, size = [], 0
    for name, raw in message.raw_items():
        # Without encoded words, it can only be UTF-8 (RFC 6532).
        raw = raw[:HEADER_LIMIT].encode(errors="surrogateescape").decode(errors="surrogateescape")
        size += len(name) + len(raw)
        if size > RAW_HEADER_LIMIT:
            break
        found.append((name, raw))
    return found


def unparsed(name, raw):
    return " ".join(raw.split())


def decoded(name, raw):
    try:
        return str(POLICY.header_fetch_parse(name, raw))
    except Exception:
        # Python's parser raises an error for some malformed fields, such as `From: "`.
        return unparsed(name, raw)


def by_name(headers, value):
    """The values of header fields by lowercase name."""
    found = {}
    for name, raw in headers:
        found.setdefault(name.lower(), []).append(value(name, raw))
    return found


def people(fields, name):
    return [{"name": name or None, "address": address}
            for name, address in email.utils.getaddresses(fields.get(name, [])) if address]


def limited(fields):
    """The header fields, up to `HEADER_LIMIT`: a text for one value, a list for several."""
    found, size = {}, 0
    for name, values in fields.items():
        size += sum(len(name) + len(value) for value in values)
        if size > HEADER_LIMIT:
            break
        found[name] = values if len(values) > 1 else values[0]
    return found


def date(text):
    try:
        parsed = email.utils.parsedate_to_datetime(text)
        # `-0000` is UTC without a known local zone (RFC 5322, section 3.3); Python returns no `tzinfo` for it.
        return parsed.replace(tzinfo=parsed.tzinfo or datetime.timezone.utc).isoformat()
    except (IndexError, TypeError, ValueError, OverflowError):
        return None


def text_of(part):
    content = part.get_payload(decode=True) or b""
    # Many mails declare no encoding, or a wrong one, for UTF-8.
    for read in (lambda: part.get_content(errors="strict"), content.decode, part.get_content):
        with contextlib.suppress(LookupError, ValueError):
            return read()
    return content.decode(errors="replace")


def body(message, kind):
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None, False
    text = text_of(part)
    if not isinstance(text, str):
        return None, False
    content = text.replace("\r\n", "\n").encode(errors="replace")
    return content[:TEXT_LIMIT].decode(errors="ignore"), len(content) > TEXT_LIMIT


def file_name(name, number):
    name = re.sub(r"[^\w.-]+", "_", os.path.basename((name or "").replace("\\", "/"))).lstrip(".")
    # File names have at most 255 bytes, and the temporary name is longer.
    name = name.encode()[-200:].decode(errors="ignore").lstrip(".") or f"attachment-{number}"
    return name + ".txt" if is_yaml(name) else name


def is_yaml(name):
    """Whether Runnel could take the file for a pipeline, a test or a configuration, on any file system.

    Some ignore case, dots at the end, and characters that cannot be seen; all that are not ASCII are left out here.
    """
    plain = unicodedata.normalize("NFKC", name).casefold().encode("ascii", "ignore").decode()
    return plain.rstrip(". ").endswith((".yaml", ".yml"))


def open_folder(project, path):
    """Opens a folder of the project step by step, so that no link leads out of it."""
    descriptor = os.open(project, os.O_RDONLY | os.O_DIRECTORY)
    for part in [part for part in path.split("/") if part not in ("", ".")]:
        try:
            if part == "..":
                raise OSError("it leads out of the project")
            try:
                os.mkdir(part, 0o755, dir_fd=descriptor)
            except FileExistsError:
                pass
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def write(folder, name, content):
    """Writes a file so that it is there as a whole or not at all."""
    temporary = f".{name}.part"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def content_of(part):
    content = part.get_payload(decode=True)
    if content is None:
        # For a forwarded mail, the header of the part that contains it is left out.
        inner = part.get_payload(0) if part.get_content_type() == "message/rfc822" else part
        content = inner.as_bytes(policy=part.policy.clone(linesep="\r\n", refold_source="none"))
    return content


def attachments(message):
    """The name, media type and content of each attachment, and whether some are left out."""
    found = []
    for part in message.iter_attachments():
        if len(found) == ATTACHMENT_COUNT:
            return found, True
        found.append(((part.get_filename() or "")[:NAME_LIMIT], part.get_content_type()[:NAME_LIMIT], content_of(part)))
    return found, False


def save(attachments, project, folder, key):
    """Writes the attachments below `folder`, unless it is None, and describes them."""
    found, descriptor = [], None
    used = set()
    try:
        for number, (title, media_type, content) in enumerate(attachments, 1):
            name, path = file_name(title, number), None
            while name in used:
                name = f"{number}-{name}"
            used.add(name)
            if folder is not None:
                if descriptor is None:
                    descriptor = open_folder(project, f"{folder}/{key}")
                write(descriptor, name, content)
                path = f"{folder.rstrip('/')}/{key}/{name}"
            found.append({"name": title or name, "media_type": media_type, "size": len(content), "path": path})
        if descriptor is not None:
            os.fsync(descriptor)
    except OSError as error:
        raise Failure("attachments", f'an attachment cannot be written below "{folder}": {error}',
                      transient=True) from error
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return found


def contents(message):
    """The text, the HTML and the attachments of a mail, and whether something is left out."""
    text, is_cut = body(message, "plain")
    html, is_html_cut = body(message, "html")
    files, is_short = attachments(message)
    return text, html, files, is_cut or is_html_cut or is_short


def download(connection, uid, limit, gives_up):
    """The size, the time of arrival and the content of a mail, each None if the server does not tell it, and whether
    the content is only the header; None if the mail has been removed.

    `gives_up` says whether to go without what the server refuses.
    """
    def ask(items):
        try:
            return fetch(connection, uid, items)
        except Refused:
            if not gives_up:
                raise
            return None

    for _ in range(2):
        size = arrival = content = None
        if (answer := ask("RFC822.SIZE INTERNALDATE")) is not None:
            match = re.search(rb"RFC822\.SIZE (\d+)", answer[0])
            if not match:
                return None
            size, arrival = int(match.group(1)), received(answer[0])
        is_header = size is None or size > limit
        if (answer := ask("BODY.PEEK[HEADER]" if is_header else "BODY.PEEK[]")) is not None:
            content = answer[1]
        if content is not None:
            break
    return size, arrival, content, is_header


def payload(connection, uid, key, options, project, gives_up):
    mail = download(connection, uid, options.get("max_size", 25) << 20, gives_up)
    if mail is None:
        return None, None
    size, arrival, content, is_header = mail
    if content is None:
        say(type="note", text=f"the server does not deliver mail {uid}; its run gets no content")
    message, has_parts = parsed(
        uid, "text and attachments", lambda: email.message_from_bytes(content or b"", policy=POLICY),
        lambda: email.parser.BytesHeaderParser(policy=POLICY).parsebytes(content))
    headers = raw_headers(message)
    fields, _ = parsed(uid, "decoded header", lambda: by_name(headers, decoded), lambda: by_name(headers, unparsed))
    names = ("from", "to", "cc", "reply-to")
    persons, _ = parsed(
        uid, "addresses", lambda: {name: people(fields, name) for name in names}, lambda: {name: [] for name in names})
    nothing = (None, None, [], True)
    text, html, files, is_cut = nothing
    if has_parts and content is not None and not is_header:
        (text, html, files, is_cut), _ = parsed(
            uid, "text and attachments", lambda: contents(message), lambda: nothing)
    first = {name: values[0].strip() for name, values in fields.items()}
    return {
        "uid": uid, "message_id": first.get("message-id") or None,
        "subject": first.get("subject", ""), "from": next(iter(persons["from"]), None),
        "to": persons["to"], "cc": persons["cc"], "reply_to": persons["reply-to"],
        "date": date(first.get("date")), "received_at": rfc3339(arrival), "headers": limited(fields), "text": text,
        "html": html, "attachments": save(files, project, options.get("attachments"), key), "size": size,
        "truncated": is_cut,
    }, arrival


def finish(connection, uid, options):
    """What becomes of a mail whose run is on disk. Repeating it does no harm."""
    after = options.get("after", "keep")
    if after == "keep":
        return
    if after == "seen":
        done(connection.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"), f"mail {uid} cannot be marked as seen")
        return
    if after == "move":
        if "MOVE" in connection.capabilities:
            done(connection.uid("MOVE", str(uid), quoted(options["move_to"])),
                 f'mail {uid} cannot be moved to "{options["move_to"]}"')
            return
        done(connection.uid("COPY", str(uid), quoted(options["move_to"])),
             f'mail {uid} cannot be copied to "{options["move_to"]}"')
    done(connection.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"), f"mail {uid} cannot be deleted")
    if "UIDPLUS" in connection.capabilities:
        done(connection.uid("EXPUNGE", str(uid)), f"mail {uid} cannot be deleted")


def position(state, validity, following, options):
    """The number behind which mails are new.

    If the mails have new numbers, also `until` and `since`: a mail up to `until` is new if it arrived at `since` or later.
    """
    if state is None:
        return (0 if options.get("from", "now") == "all" else following - 1), None
    if state["uidvalidity"] == validity:
        return state["uid"], state.get("renumbered")
    say(type="note", text=f"the server has given all mails new numbers (UIDVALIDITY {state['uidvalidity']}, now {validity})")
    # Mails come in the order of their numbers, so those that are left may have arrived before the last one that came.
    times = [state.get("received"), (state.get("renumbered") or {}).get("since")]
    since = min((time for time in times if time is not None), default=None)
    if since is None:
        return following - 1, None
    return 0, {"since": since, "until": following - 1}


def new_mails(connection, last, renumbered, refusals):
    """The numbers of the new mails behind `last`, in order. Those that were refused too often count as new."""
    found = []
    if renumbered and last < renumbered["until"]:
        since, until = renumbered["since"], renumbered["until"]
        day = datetime.datetime.fromtimestamp(since - 86400, datetime.timezone.utc)
        first_day = f"{day.day}-{['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][day.month - 1]}-{day.year}"
        for uid in search(connection, "UID", f"{last + 1}:{until}", "SINCE", first_day):
            if refusals[uid] >= REFUSAL_LIMIT:
                found.append(uid)
                continue
            line, _ = fetch(connection, uid, "INTERNALDATE")
            arrival = received(line)
            if arrival is not None and arrival >= since:
                found.append(uid)
        last = until
    # `UID n:*` always holds the last mail, whatever n is.
    return found + [uid for uid in search(connection, "UID", f"{last + 1}:*") if uid > last]


def has_unread(connection):
    """Whether something of the server was received already, which `select` cannot tell."""
    file = getattr(connection, "_file", None) or connection.file
    limit = connection.sock.gettimeout()
    connection.sock.setblocking(False)
    try:
        return bool(file.peek(1))
    except ssl.SSLWantReadError:
        return False
    finally:
        connection.sock.settimeout(limit)


def wait(connection, interval, answers):
    """Waits until something may have come: by IDLE (RFC 2177) where the server has it."""
    if "IDLE" not in connection.capabilities:
        end = time.monotonic() + interval
        while (left := end - time.monotonic()) > 0:
            if select.select([0], [], [], min(left, HEARTBEAT))[0]:
                answers.read()
            say(type="heartbeat")
        done(connection.noop(), "the server does not answer")
        return
    tag = connection._new_tag()
    connection.send(tag + b" IDLE\r\n")
    line = connection.readline()
    has_come = False
    while line and not line.startswith(b"+"):
        # What has come since the last command.
        has_come = has_come or b"EXISTS" in line
        if line.startswith(tag):
            raise Failure("imap-error", f"the server refused IDLE: {line.decode(errors='replace').strip()}", transient=True)
        line = connection.readline()
    try:
        end = time.monotonic() + interval
        while not has_come and (left := end - time.monotonic()) > 0:
            if has_unread(connection):
                break
            ready = select.select([connection.sock, 0], [], [], min(left, HEARTBEAT))[0]
            if 0 in ready:
                answers.read()
            if connection.sock in ready:
                break
            say(type="heartbeat")
    finally:
        connection.send(b"DONE\r\n")
    while True:
        line = connection.readline()
        if not line:
            raise Failure("disconnected", "the server has closed the connection", transient=True)
        if line.startswith(tag):
            return


def serve(start, answers):
    settings = json.loads(os.environ.get("RUNNEL_SETTINGS") or "{}")
    options, state = {**settings, **start["with"]}, start["state"]
    project = os.environ["RUNNEL_PROJECT"]
    if options.get("after") == "move" and not options.get("move_to"):
        raise Failure("bad-with", "`after: move` needs `move_to`, the mailbox that mails are moved to")
    connection = connect(options, project)
    mailbox = options.get("mailbox", "INBOX")
    validity, following = select_mailbox(connection, mailbox)
    last, renumbered = position(state, validity, following, options)
    arrival = (state or {}).get("received")
    is_known = state is not None and state["uidvalidity"] == validity

    def state_behind(uid, **more):
        """The state in which this mail and those before it are not new any more."""
        if renumbered and uid < renumbered["until"]:
            more["renumbered"] = renumbered
        return {"uidvalidity": validity, "uid": uid, "received": arrival, **more}

    if is_known and state.get("unfinished"):
        # Its run is on disk; whether this was done before a crash is not known.
        finish(connection, state["unfinished"], options)
    if not is_known:
        # From now on, no mail is missed.
        say(type="state", id="begin", state=state_behind(last))
        answers.read()
    refusals, is_waiting = collections.Counter(), False
    while True:
        try:
            for uid in new_mails(connection, last, renumbered, refusals):
                key = f"{validity}-{uid}"
                mail, time_of_arrival = payload(
                    connection, uid, key, options, project, refusals[uid] >= REFUSAL_LIMIT)
                last = uid
                if mail is None:
                    continue
                arrival = max(arrival or 0, time_of_arrival or 0) or None
                # What the run did not get is only on the server.
                is_kept = mail["truncated"] and options.get("after") == "delete"
                say(type="event", id=key, payload=mail,
                    input=mail["text"] if mail["text"] is not None else mail["html"], state=state_behind(
                        uid, **({} if is_kept else {"unfinished": uid})))
                if answers.read()["type"] != "ack":
                    continue
                if is_kept:
                    say(type="note", text=f"mail {uid} is not deleted: its run got only a part of it (`truncated`)")
                else:
                    finish(connection, uid, options)
        except Refused as refused:
            refusals[refused.uid] += 1
            say(type="problem", text=f"{refused.message['message']}; later mails wait")
            is_waiting = False
        else:
            if renumbered:
                last, renumbered = max(last, renumbered["until"]), None
                # From now on, no mail is looked for by its time.
                say(type="state", id="renumbered", state=state_behind(last))
                answers.read()
            if not is_waiting:
                say(type="waiting", text=f'waits for mail in "{mailbox}" of {options["host"]}',
                    translations={"ja": f'{options["host"]} の「{mailbox}」でメールを待機中'})
                is_waiting = True
        wait(connection, options.get("interval", 60), answers)


def main():
    answers = Answers()
    try:
        serve(answers.read(), answers)
    except Stopped:
        pass
    except Failure as failure:
        say(**failure.message)
        sys.exit(1)
    except (imaplib.IMAP4.error, OSError, socket.timeout) as error:
        say(type="error", code="disconnected", message=f"the connection to the server broke: {error}", transient=True)
        sys.exit(1)


main()
