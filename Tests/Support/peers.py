"""peers.py FOLDER: a proxy, a TLS server and one that wants client certificates, on loopback, with an authority of their own.

Prints a line of JSON with the ports when all of them listen, and then one line for each request that the proxy got. Ends with standard input.
"""
import base64, http.server, json, os, socket, ssl, subprocess, sys, threading

folder = sys.argv[1]


def openssl(*words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE")
with open(os.path.join(folder, "names"), "w") as file:
    file.write("subjectAltName=DNS:localhost,DNS:service.test,IP:127.0.0.1\n")
for name in ["server", "client"]:
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", name + ".pem")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        body = json.dumps({"path": self.path, "host": self.headers["host"],
                           "client": peer["subject"][0][0][1] if peer else None,
                           "headers": {name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words):
        pass


def serve(wants_certificate, is_secure=True):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if is_secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
        if wants_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(os.path.join(folder, "ca.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def proxy(connection, needs_credentials):
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return
        head += data
    lines = head.split(b"\r\n\r\n")[0].decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
    authorization = fields.get("proxy-authorization")
    print(json.dumps({"line": method + " " + target, "host": fields.get("host"), "authorization": authorization,
                      "extra": "runnel-request-target" in fields}), flush=True)
    wanted = "Basic " + base64.b64encode(b"me:pass:word").decode()
    if needs_credentials and authorization != wanted:
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        return connection.close()
    if method == "CONNECT":
        # Every name leads to loopback here.
        server = socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1])))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        threading.Thread(target=pump, args=(server, connection), daemon=True).start()
        return pump(connection, server)
    body = ("forwarded " + target).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    connection.close()


def listen(needs_credentials):
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=proxy, args=(connection, needs_credentials), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


print(json.dumps({"proxy": listen(False), "closed": listen(True), "tls": serve(False), "mutual": serve(True),
                  "plain": serve(False, is_secure=False)}), flush=True)
sys.stdin.read()
