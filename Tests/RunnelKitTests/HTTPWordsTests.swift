import LibC
import RunnelSupport
import Testing

@Suite("What HTTP clients share") struct HTTPWordsTests {
    @Test("server-sent events are read as they were written")
    func serverSentEvents() throws {
        let stream =
            SSEWriter.comment("nothing yet") + SSEWriter.event("run", id: 7, retry: 1000, data: "one\ntwo")
            + SSEWriter.event(data: "") + SSEWriter.event(data: "a\r\nevent: b\rc")
        #expect(
            stream == ": nothing yet\n\nid: 7\nretry: 1000\nevent: run\ndata: one\ndata: two\n\ndata: \n\n"
                + "data: a\ndata: event: b\ndata: c\n\n")
        var parser = SSEParser()
        let events = try parser.feed(stream.utf8)
        #expect(
            events == [
                SSEParser.Event(event: "run", data: "one\ntwo", id: "7"), SSEParser.Event(data: "", id: "7"),
                SSEParser.Event(data: "a\nevent: b\nc", id: "7"),
            ])
        #expect(parser.retry == 1000)
    }

    @Test(
        "finds the sentence for people in the shapes of servers",
        arguments: [
            (#"{"error": {"message": "no such agent", "code": 404}}"#, "no such agent"),
            (#"{"error": "invalid_client", "error_description": "the secret is wrong"}"#, "the secret is wrong"),
            (#"{"title": "Bad", "detail": "the field is missing"}"#, "the field is missing"),
            (#"{"errors": [{"message": "first"}, {"message": "second"}]}"#, "first"),
            (#"{"detail": [{"msg": "field required", "loc": ["body"]}]}"#, "field required"),
            (#"{"message": "", "reason": "full"}"#, "full"), (#""just this""#, "just this"),
            (#"{"items": []}"#, nil), ("<html><title>502 Bad Gateway</title>", "502 Bad Gateway"),
            ("\n  upstream is gone \nmore", "upstream is gone "), ("", nil),
        ] as [(String, String?)])
    func sentence(body: String, text: String?) {
        #expect(ServerMessage.line(in: body, isPage: false) == text)
    }

    @Test("reads the code of a server beside its sentence")
    func code() {
        let message = ServerMessage(
            body: Array(#"{"error": {"message": "slow down", "code": "rate_limit"}}"#.utf8), contentType: nil)
        #expect(message == ServerMessage(text: "slow down", code: "rate_limit"))
        let page = ServerMessage(body: Array("no markup here".utf8), contentType: "Text/HTML; charset=utf-8")
        #expect(page.text == "no markup here")
    }

    @Test(
        "splits host and port",
        arguments: [
            ("h", "h", nil, true), ("h:80", "h", 80, true), ("h:", "h", nil, true), ("h:0", "h", nil, true),
            ("h:65536", "h", nil, true), ("[::1]:8080", "[::1]", 8080, true), ("[::]", "[::]", nil, true),
            ("[::1", "[", nil, false), ("[::1]x", "[::1]x", nil, false), ("[x]", "[x]", nil, false),
            ("b\u{FC}cher", "b\u{FC}cher", nil, false), ("a b", "a b", nil, false),
        ] as [(String, String, Int?, Bool)])
    func authority(text: String, host: String, port: Int?, isHost: Bool) {
        let authority = URLAuthority(text[...])
        #expect(authority.host == host)
        #expect(authority.portNumber == port)
        #expect(authority.isHost == isHost)
    }

    @Test("tells why there is no connection")
    func failures() {
        #expect(ConnectionFailure(errno: ECONNREFUSED) == .refused)
        #expect(ConnectionFailure(errno: EPIPE) == .reset)
        #expect(ConnectionFailure(errno: ENETDOWN) == .unreachable)
        #expect(ConnectionFailure(errno: ENOENT) == nil)
        #expect(
            ConnectionFailure(describedAs: "handshakeFailed(… CERTIFICATE_VERIFY_FAILED …)") == .untrustedCertificate)
        #expect(ConnectionFailure(describedAs: "failedToValidateHostname") == .wrongCertificate)
        #expect(ConnectionFailure(describedAs: "sslError([… WRONG_VERSION_NUMBER …])") == .notTLS)
        #expect(
            ConnectionFailure(describedAs: "sslError([… TLSV1_ALERT_CERTIFICATE_REQUIRED …])") == .clientCertificate)
        #expect(ConnectionFailure(describedAs: "sslError([… SSLV3_ALERT_HANDSHAKE_FAILURE …])") == .handshake)
        #expect(ConnectionFailure(describedAs: "uncleanShutdown") == .uncleanShutdown)
        #expect(ConnectionFailure(describedAs: "something else") == nil)
    }
}
