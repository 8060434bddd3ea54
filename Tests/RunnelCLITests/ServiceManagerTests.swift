import Foundation
import LibC
import Logging
import RunnelSupport
import RunnelTesting
import TestSupport
import Testing

@testable import RunnelCLI

@Suite("What systemd is told, and what it passes", .timeLimit(.minutes(5))) struct ServiceManagerTests {
    @Test("variables that are meant for another process are ignored, and without any nothing is sent")
    func otherProcess() throws {
        let variables = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7", "LISTEN_PID": "8", "LISTEN_FDS": "1"]
        let manager = try ServiceManager(variables, process: 7)
        #expect(manager.watchdog == .seconds(30))
        #expect(manager.listener == nil)
        #expect(try ServiceManager(variables, process: 9).watchdog == nil)
        #expect(try ServiceManager([:]).notifications == nil)
    }

    @Test("a NOTIFY_SOCKET that is neither a path nor an abstract name is refused", arguments: ["vsock:2:1", "@"])
    func badNotifySocket(name: String) {
        let problem = ServiceManager.Problem(
            message: "NOTIFY_SOCKET is \"\(name)\"",
            hint: "it has to be an absolute path, or @ and a name; without it, systemd is not notified")
        #expect(throws: problem) { try ServiceManager(["NOTIFY_SOCKET": name]) }
    }

    #if os(Linux)
    private static func abstractName() -> String { "@runnel-test-\(UUID().uuidString)" }

    @Test("a message reaches a socket with a path and one with an abstract name", arguments: [true, false])
    func notification(isAbstract: Bool) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("notify-\(UUID().uuidString)").path
        defer { unlink(path) }
        let receiver = try NotifyReceiver(isAbstract ? Self.abstractName() : path)
        let socket = try #require(NotifySocket(receiver.name))
        #expect(socket.send(["READY=1", "STATUS=é"]) == 0)
        var messages = receiver.messages.makeAsyncIterator()
        #expect(await messages.next() == "READY=1\nSTATUS=é")
        receiver.end()
        #expect(await messages.next() == nil)
        #expect(NotifySocket(Self.abstractName())?.send(["READY=1"]) == ECONNREFUSED)
    }

    @Test("each stage is reported once, a status only if it has changed, and a server that hangs does not ping")
    func stages() async throws {
        let receiver = try NotifyReceiver(Self.abstractName())
        var messages = receiver.messages.makeAsyncIterator()
        let manager = try ServiceManager(["NOTIFY_SOCKET": receiver.name, "WATCHDOG_USEC": "60000000"])
        let (clock, isAlive, status) = (ManualClock(), Watched(true), Watched("Serving 1 pipeline."))
        let reports = ServiceReports(manager, clock: clock, logger: Logger(label: "test")) {
            status.value
        } checkLiveness: {
            try? await isAlive.wait { $0 }
        }
        let running = Task { await reports.run() }
        reports.reloadBegins()
        await reports.reloadEnded()
        await reports.ready()
        #expect(await messages.next() == "READY=1\nSTATUS=Serving 1 pipeline.")

        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(30))
        #expect(await messages.next() == "WATCHDOG=1")
        await clock.waitForSleepers(2)
        isAlive.update { $0 = false }
        status.update { $0 = "Serving 2\npipelines." }
        clock.advance(by: .seconds(30))
        #expect(await messages.next() == "STATUS=Serving 2 pipelines.")
        isAlive.update { $0 = true }
        #expect(await messages.next() == "WATCHDOG=1")

        reports.reloadBegins()
        let reloading = try #require(await messages.next()).split(separator: "\n")
        #expect(reloading.first == "RELOADING=1")
        #expect(reloading.dropFirst().first?.hasPrefix("MONOTONIC_USEC=") == true)
        #expect(reloading.last == "STATUS=Reloading the configuration and the pipelines.")
        await reports.reloadEnded()
        #expect(await messages.next() == "READY=1\nSTATUS=Serving 2 pipelines.")

        reports.stopping("Shutting down.", grace: .seconds(60))
        #expect(await messages.next() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=145000000\nSTATUS=Shutting down.")
        await reports.reloadEnded()
        running.cancel()
        await running.value
        receiver.end()
        #expect(await messages.next() == nil)
    }
    #endif

    /// A TCP socket on 127.0.0.1.
    private func tcpSocket(isListening: Bool = true) throws -> CInt {
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        try #require(descriptor >= 0)
        if isListening { try #require(listen(descriptor, 1) == 0) }
        return descriptor
    }

    @Test("a socket that listens is taken with its address, and no program inherits it")
    func listener() throws {
        let descriptor = try tcpSocket()
        defer { close(descriptor) }
        let variables = ["LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "runnel.socket"]
        let taken = try #require(try ServiceManager(variables, process: 7, first: descriptor).listener)
        #expect(taken.descriptor == descriptor)
        #expect(taken.host == "0.0.0.0")
        #expect(taken.port > 0)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("a socket that is not a listening TCP socket is an error that says what the socket unit needs")
    func wrongSocket() throws {
        let descriptor = try tcpSocket(isListening: false)
        defer { close(descriptor) }
        let problem = ServiceManager.Problem(
            message: "the socket that systemd passes is not a listening TCP socket",
            hint: "the socket unit needs ListenStream= with a port or ADDRESS:PORT, and Accept=no")
        #expect(throws: problem) { try InheritedSocket(among: [descriptor], names: []) }
    }

    @Test("of several sockets the one named `http` is taken; without one, the error shows their names")
    func severalSockets() throws {
        let (first, second) = (try tcpSocket(), try tcpSocket())
        let problem = ServiceManager.Problem(
            message: "systemd passes 2 sockets (a, b), and `serve` listens on one",
            hint: "keep one ListenStream= of the socket units, or set FileDescriptorName=http for one of them")
        #expect(throws: problem) { try InheritedSocket(among: [first, second], names: ["a", "b"]) }
        let taken = try InheritedSocket(among: [first, second], names: ["a", "http"])
        defer { close(second) }
        #expect(taken.descriptor == second)
    }

    /// As systemd: opens the socket, and holds it while `serve` restarts.
    private static let launcher = """
        import os, socket, subprocess, sys
        listener = socket.create_server((sys.argv[2], 0))
        port = listener.getsockname()[1]
        os.set_inheritable(os.dup2(listener.fileno(), 3), True)

        def stop(server):
            server.terminate()
            server.stdout.read()
            print("ended with", server.wait(), flush=True)

        def serve():
            shell = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", sys.argv[1], "serve", "pipelines"]
            server = subprocess.Popen(shell, close_fds=False, stdout=subprocess.PIPE, text=True)
            for line in server.stdout:
                if line.startswith("Listening on "):
                    print(line.strip().replace(str(port), "PORT"), flush=True)
                    return server
            stop(server)
            sys.exit()

        def call():
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
            connection.sendall(b"GET /health/live HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
            return connection

        first = serve()
        print(call().makefile().readline().strip(), flush=True)
        stop(first)
        waiting = call()
        second = serve()
        print(waiting.makefile().readline().strip(), flush=True)
        stop(second)
        """

    private func launched(in folder: String, on host: String) async throws -> RunnelProcess.Ended {
        try await RunnelProcess(directory: folder, program: "/usr/bin/env")
            .run(["python3", "-c", Self.launcher, RunnelProcess.path, host])
    }

    @Test("on a socket of systemd, a call that arrives while no server runs is answered by the next one")
    func activation() async throws {
        let files = ["runnel.yaml": "server: { port: 18790 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            let ended = try await launched(in: runnel.directory, on: "127.0.0.1")
            #expect(
                ended.output == """
                    Listening on http://127.0.0.1:PORT
                    HTTP/1.1 200 OK
                    ended with 0
                    Listening on http://127.0.0.1:PORT
                    HTTP/1.1 200 OK
                    ended with 0

                    """, "\(ended.error)")
            #expect(ended.error.contains("warning: systemd passes a socket with the port "), "\(ended.error)")
            #expect(ended.error.contains(", so the port 18790 is not used\n  = set `server: { port: "))
        }
    }

    @Test("a socket of systemd that others can reach needs a token, as any address")
    func reachableSocket() async throws {
        let files = ["runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            let ended = try await launched(in: runnel.directory, on: "0.0.0.0")
            #expect(ended.output == "ended with 2\n")
            #expect(ended.error.hasPrefix("error: others can reach 0.0.0.0, so the API needs a token\n"))
        }
    }
}
