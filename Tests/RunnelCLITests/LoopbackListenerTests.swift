import Foundation
import HTTPTestServer
import RunnelSupport
import Testing

@testable import RunnelCLI

@Suite("Who listens on a port of loopback") struct LoopbackListenerTests {
    /// What a little-endian machine writes: IPv4 addresses and ports in hexadecimal.
    private static let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0
           1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 12346 1 0 100 0 0 10 0
           2: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 12347 1 0 20 4 30 10 -1
           3: 0100007F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12348
           4: 0100007F:1F90

        """
    private static let table6 = """
          sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 1
           1: 00000000000000000000000000000000:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 2
           2: 0000000000000000FFFF00000100007F:1F93 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 3

        """

    private func users(_ address: String, _ port: Int) throws -> Set<UInt32> {
        let sockets = [Self.table, Self.table6].flatMap { LoopbackListener.sockets(in: Array($0.utf8)) }
        return LoopbackListener.users(at: try #require(IPAddress(address)), port: port, among: sockets)
    }

    #if _endian(little)
    @Test("it is the user of the socket at the address, or else at all addresses, of IPv4 and of IPv6")
    func users() throws {
        #expect(LoopbackListener.sockets(in: Array(Self.table.utf8)).count == 2)
        #expect(try users("127.0.0.1", 8080) == [1000])
        #expect(try users("::1", 8080) == [1002])
        #expect(try users("127.0.0.1", 8081) == [65534])
        #expect(try users("127.0.0.2", 8081) == [65534])
        #expect(try users("::1", 8081) == [])
        #expect(try users("127.0.0.1", 8082) == [1003])
        #expect(try users("::1", 8082) == [1003])
        #expect(try users("127.0.0.1", 8083) == [1004])
        #expect(try users("127.0.0.1", 8084) == [])
    }
    #endif

    #if os(Linux)
    private static let canChangeUser =
        geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0 && access("/usr/bin/python3", X_OK) == 0

    @Test(
        "a program of another user does not get the API token, and commands say whose it is",
        .enabled(if: canChangeUser))
    func otherUser() async throws {
        let server = """
            import http.server
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    print("called:", self.headers, flush=True)
                    self.send_error(503)
                do_POST = do_GET
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            print(server.server_port, flush=True)
            server.serve_forever()
            """
        let script = """
            exec 3< <(exec setpriv --reuid 65534 --clear-groups /usr/bin/python3 -c "$2" 2>/dev/null)
            read -r -u 3 RUNNEL_SERVER_PORT && export RUNNEL_SERVER_PORT
            for command in status "doctor --offline" "open --print"; do "$1" $command; done
            kill -9 $!
            cat <&3
            """
        let files = ["runnel.yaml": "server: { token: { file: token } }\n", "token": "a-token-for-tests"]
        try await withProject(files) { runnel in
            var shell = runnel
            shell.program = "/bin/bash"
            let ended = try await shell.run(["-c", script, "-", RunnelProcess.path, server])
            #expect(!ended.output.contains("called"), "\(ended.output)")
            let words = " (uid 65534), so the API token was not sent\n"
            #expect(ended.error.components(separatedBy: words).count == 3, "\(ended.error)")
            #expect(ended.error.hasPrefix("error: the program that listens at http://127.0.0.1:"), "\(ended.error)")
            #expect(ended.output.contains("✗ server        the program that listens at "), "\(ended.output)")
        }
    }
    #endif

    @Test("other hosts than loopback are not looked up")
    func others() {
        for host in ["192.0.2.1", "runnel.example.org", ""] {
            #expect(LoopbackListener.users(host: host, port: 80) == [])
        }
    }

    @Test("a command follows no redirect with the API token")
    func redirect() async throws {
        try await TestServer.run { _ in
            .reply(302, [("location", "/elsewhere")], "")
        } body: { server in
            let port = try #require(server.url.split(separator: ":").last)
            try await withProject(["runnel.yaml": "server: { port: \(port) }\n"]) { runnel in
                let ended = try await runnel.run(["status"])
                #expect(
                    ended.error == """
                        error: another program than `runnel serve` answers at http://127.0.0.1:\(port)/api/v1: HTTP 302
                          = set `server` in runnel.yaml to the address of the server

                        """)
                #expect(ended.status == 1)
            }
        }
    }

    @Test("root, this user and the owners of the project may listen")
    func strangers() async throws {
        try await withProject([:]) { runnel in
            let trust = Trust(user: 1000, home: "/home/ada", folders: [])
            func stranger(_ users: UInt32...) -> String? {
                trust.stranger(among: Set(users), project: runnel.directory)
            }
            #expect(stranger() == nil)
            #expect(stranger(0, 1000, geteuid()) == nil)
            #expect(stranger(1000, 4_000_000_000) == "the user with the uid 4000000000")
        }
    }
}
