import Foundation
import LibC
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI

/// Everything that a terminal acts upon, in one text: colours and titles, overwriting, a bell, C1, a turned direction.
private let hostile =
    "\u{1B}[31mred\u{1B}]0;title\u{7}\u{1B}[2Jover\rwritten\u{0}\u{8}\u{7F}\u{9B}5n\u{85}\u{202E}dne\u{2066}\u{2028}"
private let harmless =
    "\u{FFFD}[31mred\u{FFFD}]0;title\u{FFFD}\u{FFFD}[2Jover\u{FFFD}written\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}5n\u{FFFD}\u{FFFD}dne\u{FFFD}\u{FFFD}"

private typealias Gate = RunnelCLI.OutputStream

@Suite("What reaches a terminal") struct TerminalTests {
    /// As it stands in a double-quoted scalar of YAML or JSON.
    private static let escaped =
        #"\u001b[31mred\u001b]0;title\u0007\u001b[2Jover\rwritten\u0000\u0008\u007f\u009b5n\u0085\u202edne\u2066\u2028"#

    // MARK: - The gate

    @Test("text for a person is made harmless wherever it goes; tabs and line breaks stay")
    func text() throws {
        for isTerminal in [true, false] {
            let shown = try output(isTerminal) { $0.write("a\t\(hostile)\r\nb\n") }
            #expect(shown == "a\t\(harmless)\nb\n")
        }
    }

    @Test("of dressed-up text, colours pass and nothing else")
    func styled() throws {
        let style = TextStyle(hasColor: true)
        let shown = try output(true) { $0.write(styled: style.bold("x\(hostile)") + "\n") }
        // A colour that is not known to come from a style looks the same, and does no harm.
        let colored = harmless.replacing("\u{FFFD}[31m", with: "\u{1B}[31m")
        #expect(shown == "\u{1B}[1mx\(colored)\u{1B}[0m\n")
        #expect(
            try output(true) { $0.write(styled: style.bold(style.safe(hostile))) } == "\u{1B}[1m\(harmless)\u{1B}[0m")
    }

    @Test("what a pipeline produced is untouched in a pipe, and harmless on a terminal")
    func product() throws {
        let bytes = Array(hostile.utf8) + [0xFF, 0x9B, 0x0A]
        #expect(try bytesWritten(false) { $0.write(product: bytes) } == bytes)
        #expect(try output(true) { $0.write(product: bytes) } == harmless + "\u{FFFD}\u{FFFD}\n")
    }

    @Test("JSON is untouched in a pipe, and means the same on a terminal")
    func json() throws {
        let value: Value = ["text": .string(hostile)]
        #expect(try output(false) { $0.write(json: value) } == value.json() + "\n")
        let shown = try output(true) { $0.write(json: value) }
        #expect(!shown.unicodeScalars.contains(where: TerminalText.isDangerous))
        #expect(try Value.json(shown) == value)
    }

    // MARK: - Commands

    private static let plugin = """
        name: odd
        version: "1\\u001b[2J"
        description: "\(escaped)"
        protocol: exec
        command: [sh, say.sh]
        steps:
          say: { summary: "\(escaped)", details: "\(escaped)", output: "\(escaped)", input: { type: object } }
          fail: { summary: Fails., output: none, input: { type: object } }
        """
    private static let script = #"""
        read call
        printf '\033[31mwarned\r\033]0;x\007\302\233\n' >&2
        case "$call" in
        *'"step":"fail"'*|*'"step": "fail"'*) printf '%s\n' '{"type": "error", "code": "odd", "message": "ESCAPED", "hint": "ESCAPED"}' ;;
        *) printf '%s\n' '{"type": "note", "text": "ESCAPED"}'; printf '%s\n' '{"type": "text", "text": "ESCAPED"}'
           printf '%s\n' '{"type": "result", "output": "ESCAPED"}' ;;
        esac
        """#.replacing("ESCAPED", with: escaped)
    private static let files = [
        "runnel.yaml": "log: { level: info }\n", "plugins/odd/plugin.yaml": plugin, "plugins/odd/say.sh": script,
        "say.yaml":
            "name: \"say\\u001b[2J\\r\\nx\"\ndescription: \"\(escaped)\"\nsteps: [ { id: s, uses: odd.say } ]\n",
        "fail.yaml": "steps: [ { id: s, uses: odd.fail } ]\n",
        "wrong.yaml":
            "steps: [ { id: s, uses: \"l\(hostile.filter { $0 == "\u{202E}" })og\\u001b[2J\", \"k\\u0007\": 1 } ]\n",
        "log.yaml":
            "steps: [ { uses: log, with: { message: \"\(escaped)\\r\\n2026-01-01T00:00:00.000Z error forged\" } } ]\n",
        "fail.test.yaml":
            "pipeline: fail.yaml\ntests:\n  - name: \"\(escaped)\"\n    expect: { output: \"\(escaped)\" }\n",
    ]

    @Test(
        "no command lets a hostile project act upon the terminal",
        arguments: [
            ["run", "say"], ["run", "fail"], ["run", "log"], ["run", "say", "--dry-run"], ["validate", "."],
            ["validate", "wrong.yaml"], ["validate", "no\u{1B}[2J\rthing.yaml"], ["run", "no\u{1B}[2J"], ["plugins"],
            ["steps"],
            ["steps", "odd.say"], ["steps", "o\u{1B}[2Jdd"], ["explain", "say"], ["doctor", "--offline"],
            ["test", "."],
            ["runs", "list"], ["runs", "show", "last"], ["runs", "watch", "last"], ["runs", "show", "\u{1B}[2J"],
            ["no-such\u{1B}[2J\u{202E}"], ["run", "--\u{1B}[2J"], ["status"],
        ])
    func commands(arguments: [String]) async throws {
        try await withProject(Self.files) { runnel in
            for pipeline in ["fail", "say"] { _ = try await runnel.run(["run", pipeline]) }
            let ended = try await runnel.run(arguments)
            let shown = ended.error + (arguments == ["run", "say"] ? "" : ended.output)
            let acts = shown.unicodeScalars.filter(TerminalText.isDangerous)
            #expect(
                acts.isEmpty, "\(arguments): \(acts.map { String($0.value, radix: 16) }) in \(shown.debugDescription)")
            #expect(!shown.isEmpty)
        }
    }

    @Test("the output of a run is byte for byte in a pipe; on a terminal nothing of it acts")
    func finalOutput() async throws {
        let text =
            "name: p\nsteps: [ { uses: template, with: { text: \"\(Self.escaped.replacing(#"\u0000"#, with: ""))\\n\" } } ]\n"
        let wanted = hostile.replacing("\u{0}", with: "") + "\n"
        try await withProject(["p.yaml": text]) { runnel in
            #expect(try await runnel.run(["run", "p"]).output == wanted)
            let terminal = try Terminal()
            defer { terminal.close() }
            #expect(try await terminal.run(runnel, ["run", "p"]) == 0)
            let shown = terminal.readAll()
            #expect(shown.hasSuffix(TerminalText.safe(wanted)), "\(shown.debugDescription)")
            let own = shown.replacing(/\u{1B}\[(0|1|2|31|32)m/, with: "")
            #expect(!own.unicodeScalars.contains(where: TerminalText.isDangerous), "\(shown.debugDescription)")
        }
    }

    @Test("a line of the log is one line, whatever a caller's text holds")
    func logLine() async throws {
        try await withProject(Self.files) { runnel in
            let ended = try await runnel.run(["run", "log"])
            let lines = ended.error.split(separator: "\n")
            #expect(!lines.contains { $0.hasPrefix("2026-01-01") })
            let line = try #require(lines.first { $0.contains("forged") })
            #expect(line.contains("over\\rwritten") && line.contains("\\r\\n2026-01-01T00:00:00.000Z error forged"))
        }
    }

    @Test("in a quoted line the caret stands below its place")
    func caret() async throws {
        try await withProject(["p.yaml": "steps: [ { id: s, \"\u{202E}\u{2066}\": 1, uses: lgo } ]\n"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            let lines = ended.error.split(separator: "\n", omittingEmptySubsequences: false)
            let quoted = try #require(lines.lastIndex { $0.contains("uses: lgo") })
            let column = try #require(lines[quoted].firstRange(of: "lgo"))
            #expect(lines[quoted].contains("\"\u{FFFD}\u{FFFD}\""))
            #expect(
                lines.contains { line in
                    line.firstRange(of: "^~~").map {
                        line.distance(from: line.startIndex, to: $0.lowerBound)
                            == lines[quoted].distance(from: lines[quoted].startIndex, to: column.lowerBound)
                    } ?? false
                }, "\(ended.error)")
        }
    }

    @Test("secrets are masked in what a command says of itself")
    func masked() async throws {
        let files = [
            "runnel.yaml": "secrets: { hook: { env: HOOK } }",
            "p.yaml":
                "on: { schedule: { cron: \"{{ secrets.hook }}\" } }\nsteps: [ { uses: log, with: { message: x } } ]\n",
        ]
        try await withProject(files, environment: ["HOOK": "unguessable-1"]) { runnel in
            let ended = try await runnel.run(["schedule", "next", "p"])
            #expect(ended.error.contains("***") && !ended.error.contains("unguessable"), "\(ended.error)")
            let missing = try await runnel.run(["run", "p", "--input", "unguessable-1=x"])
            #expect(missing.error.contains("***") && !missing.error.contains("unguessable"), "\(missing.error)")
        }
    }

    // MARK: - Reading what was written

    private func output(_ isTerminal: Bool, _ body: (Gate) -> Void) throws -> String {
        String(decoding: try bytesWritten(isTerminal, body), as: UTF8.self)
    }

    private func bytesWritten(_ isTerminal: Bool, _ body: (Gate) -> Void) throws -> [UInt8] {
        if isTerminal {
            let terminal = try Terminal()
            defer { terminal.close() }
            body(Gate(descriptor: terminal.screen))
            return terminal.readBytes()
        }
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        body(Gate(descriptor: ends[1]))
        close(ends[1])
        defer { close(ends[0]) }
        return readAvailable(ends[0])
    }
}

/// A pseudo-terminal.
private struct Terminal {
    private let keyboard: Int32
    /// What a program writes to.
    let screen: Int32

    struct Failure: Error {}

    init() throws {
        keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        guard keyboard >= 0 else { throw Failure() }
        #if canImport(Darwin)
        guard grantpt(keyboard) == 0, unlockpt(keyboard) == 0, let path = ptsname(keyboard) else { throw Failure() }
        let name = String(cString: path)
        #else
        // TIOCSPTLCK and TIOCGPTN: what unlockpt and ptsname do, which the module does not have.
        var lock: Int32 = 0
        var number: Int32 = 0
        guard ioctl(keyboard, UInt(0x4004_5431), &lock) == 0, ioctl(keyboard, UInt(0x8004_5430), &number) == 0 else {
            throw Failure()
        }
        let name = "/dev/pts/\(number)"
        #endif
        screen = open(name, O_RDWR | O_NOCTTY)
        var settings = termios()
        guard screen >= 0, tcgetattr(screen, &settings) == 0 else { throw Failure() }
        cfmakeraw(&settings)
        guard tcsetattr(screen, TCSANOW, &settings) == 0, fcntl(keyboard, F_SETFL, O_NONBLOCK) == 0 else {
            throw Failure()
        }
    }

    /// Runs the command with standard output and standard error here. It may write no more than a terminal buffers.
    func run(_ runnel: RunnelProcess, _ arguments: [String]) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: RunnelProcess.path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: runnel.directory)
        process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
        process.standardError = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return process.terminationStatus
    }

    func readBytes() -> [UInt8] { readAvailable(keyboard) }
    func readAll() -> String { String(decoding: readBytes(), as: UTF8.self) }

    func close() {
        _ = Foundation.close(screen)
        _ = Foundation.close(keyboard)
    }
}

/// What is there to be read now.
private func readAvailable(_ descriptor: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { all += buffer.prefix(count) }
    return all
}
