import LibC
import RunnelKit
import RunnelProcess
import RunnelTesting
import TestSupport
import Testing

@testable import ShellPlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Runs scripts as Runnel does, with this environment.
private func shell(
    _ with: ValueObject, in folder: String = "/tmp",
    environment: [String: String] = [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "SECRET_TOKEN": "hunter2", "HOME": "/root",
    ], redactor: Redactor = Redactor()
) async throws -> (output: Value, progress: [StepProgress]) {
    var harness = StepHarness(directory: folder)
    harness.services = Services()
    harness.redactor = redactor
    await ProgramsPlugin(variables: environment).registerServices(in: harness.services)
    let output: Result<Value, any Error>
    do {
        output = .success(try await harness.run(Shell<ShellEnabled>.self, with: with))
    } catch {
        output = .failure(error)
    }
    await harness.services.shutDown()
    return (try output.get(), harness.progress)
}

private func failure(_ with: ValueObject, redactor: Redactor = Redactor()) async -> StepError? {
    do {
        _ = try await shell(with, redactor: redactor)
        return nil
    } catch {
        return error as? StepError
    }
}

/// Waits until no process with this id is left.
private func waitForEnd(of process: Int32) async -> Bool {
    for _ in 0..<1000 {
        if kill(process, 0) != 0 { return true }
        // A zombie of this test's process counts as ended.
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        if status.isEmpty || status.contains(") Z ") { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}

@Suite("The step shell", .timeLimit(.minutes(5))) struct ShellTests {
    @Test("gives what the script wrote and its exit code, and shows it as it comes")
    func output() async throws {
        let (output, progress) = try await shell(["run": "echo one; echo two >&2; printf 'three\\n\\n'"])
        #expect(output == ["stdout": "one\nthree", "stderr": "two", "exit_code": 0])
        #expect(progress.contains(.note("two")))
        let text = progress.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined()
        #expect(text == "one\nthree\n\n")
    }

    @Test(
        "`parse` makes a value of standard output",
        arguments: [
            ("json", "echo '{\"a\": [1]}'", ["a": [1]]), ("lines", "printf 'a\\nb\\n'", ["a", "b"]),
            ("lines", "printf 'a\\r\\nb\\r\\n'", ["a", "b"]), ("lines", "printf 'a\\rb\\n\\nc'", ["a", "b", "", "c"]),
            ("lines", "true", []),
        ] as [(String, String, Value)])
    func parse(kind: String, script: String, value: Value) async throws {
        let (output, _) = try await shell(["run": .string(script), "parse": .string(kind)])
        #expect(output["stdout"] == value)
    }

    @Test("values of `env` arrive byte for byte and are not executed")
    func injection() async throws {
        try await withTemporaryDirectory { folder in
            let values = [
                "$(touch \(folder)/hit)", "`touch \(folder)/hit`", "'; touch \(folder)/hit; '",
                "\"; touch \(folder)/hit #",
                "a\ntouch \(folder)/hit\n", "\\\\$HOME", "-n", "${IFS}", "ünï\u{1F600}", " spaces  kept ",
            ]
            for value in values {
                for kind in ["sh", "bash"] {
                    let (output, _) = try await shell([
                        "run": "printf '<%s>' \"$VALUE\"", "env": ["VALUE": .string(value)], "shell": .string(kind),
                    ])
                    #expect(output["stdout"] == .string("<\(value)>"))
                }
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/hit"))
        }
    }

    @Test("the script sees PATH, HOME, LANG, TMPDIR and its `env`, nothing else")
    func environment() async throws {
        let (output, _) = try await shell(
            ["run": "env", "parse": "lines", "env": ["N": 3, "LIST": [1, "a"], "FLAG": true]],
            environment: [
                "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": "/tmp", "HOME": "/root", "SECRET": "hunter2",
                "RUNNEL_TOKEN": "hunter2", "LD_PRELOAD": "x",
            ])
        let names = Set((output["stdout"]?.asList ?? []).compactMap { $0.asString?.split(separator: "=").first })
        // `_`, PWD and SHLVL are of the shell itself.
        #expect(
            names.subtracting(["_", "PWD", "SHLVL", "OLDPWD"]) == [
                "PATH", "LANG", "TMPDIR", "HOME", "N", "LIST", "FLAG",
            ])
        #expect(output["stdout"]?.asList?.contains("LIST=[1,\"a\"]") ?? false)
    }

    @Test("an exit code that is not allowed fails the step, with the end of standard error")
    func exitCode() async throws {
        let error = await failure(["run": "echo half; echo first >&2; echo \"no space\" >&2; exit 3"])
        #expect(error?.code == "shell-exit")
        #expect(
            error?.message
                == "the script ended with the exit code 3; last lines of standard error: first ⏎ no space")
        #expect(error?.partialOutput?["stdout"] == "half")
        let (output, _) = try await shell(["run": "exit 1", "allow_exit": [0, 1]])
        #expect(output["exit_code"] == 1)
        // `set -e` and pipefail.
        #expect(await failure(["run": "false\necho on"])?.code == "shell-exit")
        #expect(await failure(["run": "false | true", "shell": "bash"])?.code == "shell-exit")
    }

    @Test("a script that ignores SIGTERM is ended at its time limit, and what it started too")
    func ignoresTerm() async throws {
        try await withTemporaryDirectory { folder in
            let script = """
                trap '' TERM
                sh -c 'trap "" TERM; while :; do sleep 1; done' &
                echo $! > \(folder)/child
                while :; do sleep 1; done
                """
            let error = await failure(["run": .string(script), "timeout": "500ms"])
            #expect(error?.code == "shell-timeout")
            #expect(error?.message == "the script did not end within 500ms")
            let child = try String(contentsOfFile: folder + "/child", encoding: .utf8)
            let process = try #require(Int32(child.dropLast()))
            #expect(await waitForEnd(of: process))
        }
    }

    @Test("what a script leaves in the background ends with it")
    func background() async throws {
        let (output, _) = try await shell(["run": "sleep 1000 >/dev/null 2>&1 & echo $!"])
        let child = try #require(output["stdout"]?.asString.flatMap { Int32($0) })
        #expect(await waitForEnd(of: child))
    }

    @Test("what a script leaves in the background has time to end after SIGTERM", arguments: [false, true])
    func backgroundTerminates(isCancelled: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let script = """
                sh -c 'trap "echo end; echo done > \(folder)/end; exit" TERM; : > \(folder)/begin
                while :; do sleep 0.01; done' &
                while [ ! -e \(folder)/begin ]; do sleep 0.01; done
                \(isCancelled ? "exec sleep 1000" : "")
                """
            let task = Task { try await shell(["run": .string(script)]) }
            if isCancelled {
                while !FileManager.default.fileExists(atPath: folder + "/begin") { try await waitTurn() }
                task.cancel()
                await #expect(throws: (any Error).self) { try await task.value }
            } else {
                #expect(try await task.value.output["stdout"] == "end")
            }
            #expect(try String(contentsOfFile: folder + "/end", encoding: .utf8) == "done\n")
        }
    }

    @Test("what ignores SIGTERM in the background ends with its script")
    func backgroundIgnoresTerm() async throws {
        try await withTemporaryDirectory { folder in
            let script = """
                sh -c 'trap "" TERM; : > \(folder)/begin; while :; do sleep 1; done' >/dev/null 2>&1 &
                echo $!
                while [ ! -e \(folder)/begin ]; do sleep 0.01; done
                """
            let (output, _) = try await shell(["run": .string(script)])
            let child = try #require(output["stdout"]?.asString.flatMap { Int32($0) })
            #expect(await waitForEnd(of: child))
        }
    }

    @Test("a script that is cancelled ends, also while it floods both outputs")
    func cancelled() async throws {
        try await withTemporaryDirectory { folder in
            let script = "echo $$ > \(folder)/pid; while :; do echo flood; echo flood >&2; done"
            let task = Task { try await shell(["run": .string(script), "max_output": "64MiB"]) }
            var process: Int32?
            while process == nil {
                try await waitTurn()
                process = Int32((try? String(contentsOfFile: folder + "/pid", encoding: .utf8))?.dropLast() ?? "")
            }
            task.cancel()
            // A `StepError` where it keeps what had been written by then.
            let error = await #expect(throws: (any Error).self) { try await task.value }
            #expect(error is CancellationError || (error as? StepError)?.code == "cancelled")
            let ended = try #require(process)
            #expect(await waitForEnd(of: ended))
        }
    }

    @Test("what a script had written is kept when it is cancelled, and when it takes too long")
    func partialOutput() async throws {
        var harness = StepHarness(directory: "/tmp")
        harness.services = Services()
        await ProgramsPlugin(variables: ["PATH": "/usr/bin:/bin"]).registerServices(in: harness.services)
        let stage = harness
        let task = Task {
            try await stage.run(Shell<ShellEnabled>.self, with: ["run": "echo one; exec sleep 3600"])
        }
        while stage.progress.isEmpty { try await waitTurn() }
        task.cancel()
        let error = await #expect(throws: StepError.self) { try await task.value }
        #expect(error?.code == "cancelled")
        #expect(error?.message == "the step was cancelled before it ended; what it had produced is kept")
        #expect(error?.partialOutput == ["stdout": "one", "stderr": "", "exit_code": .null])
        await stage.services.shutDown()
        let late = await failure(["run": "echo two; exec sleep 3600", "timeout": "300ms"])
        #expect(late?.code == "shell-timeout")
        #expect(late?.partialOutput == ["stdout": "two", "stderr": "", "exit_code": .null])
    }

    @Test("a script that floods standard output is ended, and one that floods standard error is bounded")
    func flood() async throws {
        let error = await failure(["run": "yes", "max_output": "100KiB"])
        #expect(error?.code == "shell-output-too-large")
        #expect(error?.message == "the script wrote more than 100KiB to standard output")
        let (output, progress) = try await shell([
            "run": "head -c 20000000 /dev/zero | tr '\\0' '\\n' >&2; seq 5000 >&2; echo done"
        ])
        #expect(output["stdout"] == "done")
        #expect((output["stderr"]?.asString?.utf8.count ?? 0) <= 64 << 10)
        #expect(progress.count <= 1100)
    }

    @Test("secrets are masked before a line of standard error is cut")
    func secretsInCutLines() async throws {
        let secret = "purple monkey dishwasher"
        let redactor = Redactor(secrets: [secret])
        let fill = "fill() { head -c \"$1\" /dev/zero | tr '\\0' x; }\n"
        let (_, progress) = try await shell(
            [
                "run": .string(
                    fill + """
                        { fill 1990; echo "$T"; fill 1999; echo "$T"; fill 16370; echo "$T"; fill 2000; echo; } >&2
                        """), "env": ["T": .string(secret)],
            ], redactor: redactor)
        let cut = String(repeating: "x", count: 1999) + "…"
        #expect(
            progress == [
                .note(String(repeating: "x", count: 1990) + "***"), .note(cut), .note(cut),
                .note(String(repeating: "x", count: 2000)),
            ])
        let error = await failure(
            [
                "run": .string(fill + "{ fill 290; printf %s \"$T\" | base64; } >&2; exit 3"),
                "env": ["T": .string(secret)],
            ], redactor: redactor)
        #expect(
            error?.message
                == "the script ended with the exit code 3; last lines of standard error: "
                + String(repeating: "x", count: 290) + "***")
    }

    @Test("what is kept of standard error begins with a line, or with no part of a secret")
    func startOfStandardError() async throws {
        let secret = "purple monkey dishwasher"
        let run = { (script: String) async throws in
            let (output, _) = try await shell(
                ["run": .string(script), "env": ["T": .string(secret)]], redactor: Redactor(secrets: [secret]))
            return try #require(output["stderr"]?.asString)
        }
        let lines = try await run(
            #"{ echo "$T"; yes 123456789 | head -c 65520; } >&2"#)
        #expect(lines == Array(repeating: "123456789", count: 6552).joined(separator: "\n"))
        let whole = try await run(#"{ echo "$T"; head -c 65511 /dev/zero | tr '\0' x; } >&2"#)
        #expect(whole == secret + "\n" + String(repeating: "x", count: 65511))
        // Without a line end.
        let line = try await run(#"{ printf %s "$T"; head -c 65520 /dev/zero | tr '\0' x; } >&2"#)
        #expect(line == "***" + String(repeating: "x", count: 65520))
    }

    @Test("a character that arrives in two pieces is shown whole")
    func characters() async throws {
        let (output, progress) = try await shell(["run": "printf '\\342'; sleep 0.2; printf '\\202\\254'"])
        #expect(output["stdout"] == "€")
        #expect(progress == [.text("€")])
    }

    @Test("standard output that is no UTF-8 is an error, and kept as far as it is text", arguments: ["text", "lines"])
    func notText(kind: String) async throws {
        let error = await failure(["run": "printf 'a \\223\\372'; echo careful >&2", "parse": .string(kind)])
        #expect(error?.code == "shell-output")
        #expect(error?.message == "standard output is not UTF-8 text")
        #expect(
            error?.hint == "convert it in the script, such as with iconv, or write it to a file and use `file.read`")
        #expect(error?.isTransient == false)
        #expect(error?.partialOutput == ["stdout": "a \u{FFFD}\u{FFFD}", "stderr": "careful", "exit_code": 0])
        // Of a script that failed, that is the error.
        #expect(await failure(["run": "printf '\\223'; exit 3"])?.code == "shell-exit")
    }

    @Test("standard output that is not JSON is an error in words")
    func notJSON() async throws {
        let error = await failure(["run": "echo hello", "parse": "json"])
        #expect(error?.code == "shell-output")
        #expect(error?.message.hasPrefix("standard output is not JSON: ") ?? false)
    }

    @Test(
        "what cannot be is refused before the script runs",
        arguments: [
            (["run": " "], "the script is empty"),
            (["run": "x", "env": ["A-B": "1"]], "\"A-B\" is not a name of a variable"),
            (["run": "x", "env": ["A": .null]], "the variable A is null"),
            (["run": "x", "max_output": "100MiB"], "expected a size from 1B to 64MiB, found 100MiB"),
            (["run": "x", "allow_exit": []], "the list holds no exit code"),
            (["run": "x", "timeout": "0s"], "0s is too short"),
        ] as [(ValueObject, String)])
    func refused(with: ValueObject, message: String) throws {
        #expect {
            try Shell<ShellEnabled>(fields: with)
        } throws: { error in
            (error as? FieldError)?.message == message
        }
    }

    @Test("`shell: { enabled: false }` switches the step off, in words that name the setting")
    func disabled() throws {
        let plugin = try ShellPlugin().configured(reading: ["enabled": false])
        let problem = plugin.steps.first?.check(["run": "true"])
        #expect(problem?.message == "the step is switched off for this deployment")
        #expect(problem?.hint == "runnel.yaml says `shell: { enabled: false }`")
        #expect(ShellPlugin().steps.first?.check(["run": "true"]) == nil)
    }
}
