import LibC
import RunnelEngine
import RunnelKit
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `.env` beside `runnel.yaml`, or the file of `--env-file`: values below the process's environment.
struct EnvironmentFile {
    /// The file, absolute; nil where none is looked for.
    private(set) var path: String?
    /// Whether the file exists and was read.
    private(set) var isRead = false
    private(set) var values: [String: String] = [:]
    private(set) var diagnostics: [Diagnostic] = []

    private static let maximumSize = 1 << 20

    /// No values.
    init() {}

    /// - Parameters:
    ///   - folder: The folder of `runnel.yaml`; nil if there is no such file.
    ///   - named: As `--env-file` says; it is read instead of `.env` and has to be there.
    init(beside folder: String?, named: String?) throws(FileReading.Failure) {
        guard let path = named.map(FileReading.absolute) ?? folder.map({ $0 + "/.env" }) else { return }
        self.path = path
        guard named != nil || FileReading.exists(path) else { return }
        let shown = named ?? FileReading.shown(path)
        let bytes = try FileReading.bytes(of: named ?? path, limit: Self.maximumSize)
        isRead = true
        do throws(EnvFile.Problem) {
            values = try EnvFile(bytes).values
        } catch {
            diagnostics.append(
                Diagnostic(
                    CommandErrorCode.badEnvFile, .error, file: shown,
                    range: YAMLRange(at: YAMLPosition(line: error.line, column: error.column)), error.message,
                    hint: error.hint))
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
            let mode = String(status.st_mode & 0o777, radix: 8)
            diagnostics.append(
                Diagnostic(
                    CommandErrorCode.envFileMode, .warning, file: shown, range: nil,
                    "other users of this machine can open the file (mode 0\(mode))", hint: "`chmod 600 \(shown)`"))
        }
    }
}

/// What can stand in every command: `--profile NAME` and `--env-file FILE`.
struct GlobalOptions: Sendable {
    var profile: String?
    var envFile: String?

    /// Those of this process.
    @TaskLocal static var current = GlobalOptions()

    static let help = """
        Every command takes `--profile NAME` (settings under `profiles:` of runnel.yaml, merged over the rest) and \
        `--env-file FILE` (read instead of the `.env` beside runnel.yaml).
        """

    /// Takes the options out of the arguments.
    ///
    /// - Throws: If an option has no value.
    init(taking arguments: inout [String]) throws(FileReading.Failure) {
        var rest: [String] = []
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if argument == "--" {
                rest += [argument] + arguments[index...]
                break
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = parts.first, option == "--profile" || option == "--env-file" else {
                rest.append(argument)
                continue
            }
            let value: String
            if parts.count == 2 {
                value = String(parts[1])
            } else if index < arguments.count {
                value = arguments[index]
                index += 1
            } else {
                value = ""
            }
            guard !value.isEmpty else { throw FileReading.Failure(message: "missing value for `\(option)`") }
            if option == "--profile" { profile = value } else { envFile = value }
        }
        arguments = rest
    }

    init() {}
}
