"""Starts a run for each message of an MQTT broker: a trigger of a Runnel plugin of the protocol `exec`.

MQTT gives messages no id that outlives their acknowledgement, so each gets one here. The ids of the messages that the
broker does not know to be done are part of the state, by their packet identifiers: what the broker sends again (DUP)
keeps its id, and starts no second run.
"""

import base64
import hashlib
import json
import math
import os
import select
import ssl
import sys
import time
import uuid

HEARTBEAT = 30
# More unacknowledged messages than any broker sends at once by default (receive maximum below).
RECEIVE_MAXIMUM = 20
# The maximum sizes of a message and of its user properties in bytes. An event contains the text twice, and each byte takes up
# to 6 bytes in JSON: in all less than `max_line` in plugin.yaml.
CONTENT_LIMIT = 4 << 20
PROPERTIES_LIMIT = 64 << 10
# The maximum nesting of a message's JSON. Runnel's limit for the whole line is 512.
DEPTH = 500


class Failure(Exception):
    def __init__(self, code, message, hint=None, transient=False):
        super().__init__(message)
        self.message = {"type": "error", "code": code, "message": message, "transient": transient}
        if hint:
            self.message["hint"] = hint


class Stopped(Exception):
    """Runnel has closed standard input."""


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


try:
    import paho.mqtt.client as paho
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    paho = None


def client_for(options, project):
    if paho is None or not hasattr(paho, "CallbackAPIVersion"):
        raise Failure("missing-package", "the Python package paho-mqtt 2 is not installed",
                      'type: pip install "paho-mqtt>=2,<3"')
    if not options.get("host"):
        raise Failure("bad-with", "`host` is missing: there is no MQTT broker to ask",
                      "set it in the entry, or as `plugins: { mqtt: { host: … } }` in runnel.yaml")
    host, security = options["host"], options.get("security", "tls")
    is_local = host in ("localhost", "::1") or host.startswith("127.")
    if security == "none" and options.get("password") and not is_local:
        raise Failure("insecure", f'the password is not sent to "{host}" over a connection that is not encrypted',
                      "use `security: tls`")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=options["client_id"], protocol=paho.MQTTv5,
                         manual_ack=True)
    if options.get("username") is not None:
        client.username_pw_set(options["username"], options.get("password"))
    if security == "tls":
        context = ssl.create_default_context()
        if options.get("ca"):
            try:
                context.load_verify_locations(os.path.join(project, options["ca"]))
            except (OSError, ssl.SSLError) as error:
                raise Failure("bad-with", f'`ca`: "{options["ca"]}" cannot be used: {error}') from error
        client.tls_set_context(context)
    return client


def finite(number):
    if not math.isfinite(float(number)):
        raise ValueError(number)
    return float(number)


def parsed(text):
    """The value of a JSON text; None if it is not JSON, or beyond the limits of Runnel's parser."""
    try:
        # Python would write an infinite number such as 1e999 as `Infinity`, which is not JSON.
        value = json.loads(text, parse_constant=finite, parse_float=finite,
                           parse_int=lambda digits: int(digits) if len(digits) < 300 else finite(digits))
    except (TypeError, ValueError, RecursionError):
        return None
    level, depth = [value], 0
    while level and depth <= DEPTH:
        level = [inner for outer in level if isinstance(outer, (list, dict))
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]
        depth += 1
    return value if depth <= DEPTH else None


def payload(message, content):
    """The payload of the event. `content` is the content of the message, or None if it is too large."""
    try:
        text = content.decode("utf-8") if content is not None else None
    except UnicodeDecodeError:
        text = None
    value = parsed(text)
    is_cut = content is None
    properties = {}
    for name, key in [("ContentType", "content_type"), ("ResponseTopic", "response_topic")]:
        if hasattr(message.properties, name):
            properties[key] = getattr(message.properties, name)
    if hasattr(message.properties, "CorrelationData"):
        properties["correlation_data"] = base64.b64encode(message.properties.CorrelationData).decode()
    if hasattr(message.properties, "UserProperty"):
        user = message.properties.UserProperty
        if sum(len(name) + len(text) for name, text in user) <= PROPERTIES_LIMIT:
            properties["user"] = dict(user)
        else:
            is_cut = True
    return {"topic": message.topic, "payload": text, "json": value,
            "base64": None if text is not None or content is None else base64.b64encode(content).decode(),
            "size": len(message.payload), "truncated": is_cut, "qos": message.qos,
            "retained": bool(message.retain), "properties": properties}


class Ids:
    """The ids of messages that the broker may send again, by packet identifier."""

    def __init__(self, state):
        self.known = dict((state or {}).get("unfinished", {}))

    def id(self, message):
        """The id of a message of quality 1, the same one when the broker sends it again."""
        digest = hashlib.sha256(message.topic.encode() + b"\0" + bytes(message.payload)).hexdigest()[:32]
        known = self.known.get(str(message.mid))
        if message.dup and known and known[1] == digest:
            return known[0]
        # In the order of time, so that the oldest are forgotten first.
        new = f"{time.time_ns():x}-{uuid.uuid4().hex[:12]}"
        self.known.pop(str(message.mid), None)
        self.known[str(message.mid)] = [new, digest]
        # The broker has at most RECEIVE_MAXIMUM under way; older ones are done.
        for mid in list(self.known)[: -RECEIVE_MAXIMUM * 2]:
            del self.known[mid]
        return new

    @property
    def state(self):
        return {"unfinished": self.known}


def serve(start, answers):
    settings = json.loads(os.environ.get("RUNNEL_SETTINGS") or "{}")
    options = {**settings, **start["with"]}
    client = client_for(options, os.environ["RUNNEL_PROJECT"])
    ids = Ids(start["state"])
    host, security, qos = options["host"], options.get("security", "tls"), options.get("qos", 1)
    port = options.get("port") or (8883 if security == "tls" else 1883)
    where = f"{host}:{port}"
    problems = []

    def on_connect(client, userdata, flags, reason, properties):
        if reason.is_failure:
            problems.append(Failure("login-failed" if reason.value in (0x86, 0x87) else "refused",
                                    f"{where} refused the connection: {reason}", "check username and password"
                                    if reason.value in (0x86, 0x87) else None, transient=True))
            return
        # 0 sends retained messages with each subscription, 2 never (MQTT 5, 3.8.3.1).
        handling = 0 if options.get("retained") else 2
        client.subscribe([(topic, SubscribeOptions(qos=qos, retainHandling=handling)) for topic in options["topics"]])

    def on_subscribe(client, userdata, mid, reasons, properties):
        refused = [f'"{topic}": {reason}' for topic, reason in zip(options["topics"], reasons) if reason.is_failure]
        if refused:
            problems.append(Failure("refused", f"{where} refused the subscription of {', '.join(refused)}", transient=True))
        else:
            topics = ", ".join(options["topics"])
            say(type="waiting", text=f"waits for messages of {topics} from {where}",
                translations={"ja": f"{where} から {topics} のメッセージを待機中"})

    def on_disconnect(client, userdata, flags, reason, properties):
        problems.append(Failure("disconnected", f"the connection to {where} broke: {reason}", transient=True))

    def on_message(client, userdata, message):
        if message.retain and not options.get("retained"):
            client.ack(message.mid, message.qos)
            return
        content = bytes(message.payload) if len(message.payload) <= CONTENT_LIMIT else None
        event = {"type": "event", "payload": payload(message, content),
                 "input": None if content is None else content.decode("utf-8", errors="replace")}
        if message.qos == 0:
            say(id=uuid.uuid4().hex, **event)
        else:
            say(id=ids.id(message), state=ids.state, **event)
        # A nack is final as well: the event can never be a run, and the log says why.
        while answers.read()["type"] not in ("ack", "nack"):
            pass
        client.ack(message.mid, message.qos)

    client.on_connect, client.on_subscribe = on_connect, on_subscribe
    client.on_disconnect, client.on_message = on_disconnect, on_message
    connect = Properties(PacketTypes.CONNECT)
    connect.SessionExpiryInterval = options.get("session_expiry", 604800) if qos else 0
    connect.ReceiveMaximum = RECEIVE_MAXIMUM
    try:
        client.connect(host, port, keepalive=options.get("keepalive", 30), clean_start=qos == 0, properties=connect)
    except (OSError, ValueError) as error:
        raise Failure("cannot-connect", f"cannot connect to {where}: {error}", transient=True) from error
    last = time.monotonic()
    while not problems:
        sock = client.socket()
        if sock is None:
            raise Failure("disconnected", f"the connection to {where} broke", transient=True)
        pending = getattr(sock, "pending", lambda: 0)() > 0
        writes = [sock] if client.want_write() else []
        ready, writable, _ = ([sock], writes, []) if pending else select.select([sock, 0], writes, [], 1)
        if 0 in ready:
            answers.read()
        if sock in ready:
            client.loop_read()
        if writable or client.want_write():
            client.loop_write()
        client.loop_misc()
        if time.monotonic() - last > HEARTBEAT:
            last = time.monotonic()
            say(type="heartbeat")
    raise problems[0]


def main():
    answers = Answers()
    try:
        serve(answers.read(), answers)
    except Stopped:
        pass
    except Failure as failure:
        say(**failure.message)
        sys.exit(1)
    except OSError as error:
        say(type="error", code="disconnected", message=f"the connection to the broker broke: {error}", transient=True)
        sys.exit(1)


main()
