public import RunnelKit

/// The step `shell`.
///
/// - Availability: Whether `runnel.yaml` allows it.
struct Shell<Availability: ShellAvailability>: Step {
    static var name: String { "shell" }
    static var summary: String { "Runs a script of the pipeline in a shell." }
    static var documentation: StepDocumentation {
        StepDocumentation(
            details: """
                Values reach the script through `env` alone: a template in `run` is an error, because the value of an \
                expression would become part of the program. Write `"$TITLE"` with quotes, so that a value with spaces \
                stays one word.

                The names in `env` are written out: a template in the place of all variables is an error, because its \
                value would choose their names. A variable in which interpreters or the dynamic linker find code or \
                options cannot hold a template: `PATH`, `BASH_ENV`, `ENV`, `IFS`, `PS4`, `SHELLOPTS`, `BASHOPTS`, \
                `NODE_OPTIONS`, `PERLLIB`, and all that begin with `BASH_FUNC_`, `LD_`, `DYLD_`, `PYTHON`, `PERL5` or \
                `RUBY`.

                Braces that belong to the script stand between `{% raw %}` and `{% endraw %}`: \
                `docker ps --format '{% raw %}{{.Names}}{% endraw %}'`.

                The script sees `PATH`, `HOME`, `LANG`, `TMPDIR`, its `env`, and `TRACEPARENT` and `TRACESTATE` of the \
                run's trace; nothing else of Runnel's environment. `sh` is started with `-e`, `bash` with `--noprofile \
                --norc -eo pipefail`, `python` is `python3`. Standard input is empty.

                The script and all processes that it started in its process group end with the step: when the script \
                has ended, also if it left something in the background, after `timeout`, when the run is cancelled, and \
                when Runnel is killed. They get SIGTERM, and SIGKILL half a second later.

                Standard output is shown while the script runs, standard error line by line as notes. Secrets are \
                masked. Standard output must be UTF-8 text, otherwise the step fails. A script that writes more than \
                `max_output` to standard output is ended and the step fails; of standard error the last 64 KiB are kept. \
                An interrupted script is run again.

                A script that writes into a folder which a pipeline watches names it in `writes`. Then the runs that \
                its files start count as a chain (`runs.chain`), its own pipeline is not started by them, and \
                `runnel validate` finds pipelines that feed each other in a ring.
                """,
            output: """
                An object: `stdout` as text without the line ends at its end, or as `parse` says; `stderr`; `exit_code`.
                """,
            examples: [
                .init("Free space", "uses: shell\nwith: { run: df -h / }"),
                .init(
                    "Values from outside, and JSON as the result",
                    """
                    uses: shell
                    with:
                      run: |
                        curl --fail --silent "https://api.example.com/users/$NAME"
                      env: { NAME: "{{ trigger.body.name }}" }
                      parse: json
                      timeout: 30s
                    """),
            ])
    }
    static var nameHints: [NameHint] {
        let hint = "write `uses: shell` and `with: { run: … }`"
        return [
            NameHint(hint, for: ["exec", "run", "bash", "sh", "script", "command", "python"], in: .name),
            NameHint(hint, for: ["run", "script", "command", "cmd"], in: .step),
        ]
    }
    static var writtenPaths: [String] { ["writes"] }
    static var outputSchema: Value? {
        OutputSchema.object(["stdout": [:], "stderr": ["type": "string"], "exit_code": ["type": "integer"]])
    }

    @Field("The script. It cannot contain templates; see `env`.") var run: ScriptText
    @Field("Variables of the script, by name. Values can be templates. A value that is no text is written as JSON.")
    var env: ScriptVariables = ScriptVariables()
    @Field("The folder of the project to run in; the project's folder unless given.") var dir: ProjectPath?
    @Field(
        """
        Files and folders of the project that the script writes, relative to the project's folder: a `watch` then knows \
        which run a file comes from.
        """
    )
    var writes: [ProjectPath] = []
    @Field("The interpreter.") var shell: ShellKind = .sh
    @Field("How long the script may run.") var timeout: Duration?
    @Field("What `stdout` is: the text, the JSON value in it, or the list of its lines.")
    var parse: ShellOutput = .text
    @Field("The exit codes that are a success.") var allowExit: [Int] = [0]
    @Field("How much the script may write to standard output, up to 64MiB.")
    var maxOutput: ByteCount = .mebibytes(1)

    private static var largestOutput: ByteCount { .mebibytes(64) }

    func validate() throws(FieldError) {
        guard Availability.isEnabled else {
            throw FieldError(
                "the step is switched off for this deployment",
                hint: "runnel.yaml says `shell: { enabled: false }`")
        }
        guard (1...Self.largestOutput.bytes).contains(maxOutput.bytes) else {
            throw FieldError(
                "expected a size from 1B to \(Self.largestOutput), found \(maxOutput)", path: [.key("max_output")])
        }
        if timeout == Duration.zero {
            throw FieldError("0s is too short", hint: "leave it out for no time limit", path: [.key("timeout")])
        }
        if allowExit.isEmpty { throw FieldError("the list holds no exit code", path: [.key("allow_exit")]) }
    }

    func run(_ context: StepContext) async throws -> Value {
        let programs = try await context.services.get(SubprocessesKey.self)
        var environment = programs.environment
        environment.merge(context.trace.context?.environment ?? [:]) { _, trace in trace }
        environment.merge(try env.texts(in: context)) { _, own in own }
        let (program, arguments) = shell.command(run.text)
        var subprocess = Subprocess(
            program, arguments, environment: environment,
            directory: try dir.map { path throws(StepError) in try context.project.absolutePath(of: path) }
                ?? context.project.path)
        subprocess.timeLimit = timeout
        let capture = ShellCapture(limit: maxOutput, context: context)
        try context.checkOwnership()
        let exit: Subprocess.Exit
        do {
            exit = try await context.writing(allOf: writes.map(\.text)) {
                try await programs.run(subprocess) { piece in try await capture.take(piece) }
            }
        } catch  where Task.isCancelled {
            guard let written = Self.written(await capture.finish()) else { throw CancellationError() }
            throw StepError.cancelled(partialOutput: written)
        }
        let (output, error) = await capture.finish()
        var lastLines: String { Self.lastLines(error, context.redactor) }
        let status: Int32
        switch exit {
        case .status(let code): status = code
        case .signal(let number):
            throw StepError(
                ShellErrorCode.killed, "the script was killed by signal \(number)" + lastLines,
                isTransient: true, partialOutput: Self.written((output, error)))
        case .timedOut:
            throw StepError(
                ShellErrorCode.timeout,
                "the script did not end within \(DurationText.format(timeout ?? .zero))" + lastLines,
                hint: "raise `timeout` if it needs longer", isTransient: true,
                partialOutput: Self.written((output, error)))
        @unknown default:
            throw StepError(ShellErrorCode.killed, "the script ended in an unknown way", isTransient: true)
        }
        let written: Value = ["stdout": .string(output), "stderr": .string(error), "exit_code": .int(Int64(status))]
        guard allowExit.contains(Int(status)) else {
            throw StepError(
                ShellErrorCode.exit, "the script ended with the exit code \(status)" + lastLines,
                hint: "`allow_exit` lists the exit codes that are a success", partialOutput: written)
        }
        guard await capture.isText else {
            throw StepError(
                ShellErrorCode.output, "standard output is not UTF-8 text",
                hint: "convert it in the script, such as with iconv, or write it to a file and use `file.read`",
                partialOutput: written)
        }
        return [
            "stdout": try parse.value(output), "stderr": .string(error), "exit_code": .int(Int64(status)),
        ]
    }

    /// What a script had written that did not end by itself; nil if there is nothing.
    private static func written(_ streams: (output: String, error: String)) -> Value? {
        guard !streams.output.isEmpty || !streams.error.isEmpty else { return nil }
        return ["stdout": .string(streams.output), "stderr": .string(streams.error), "exit_code": .null]
    }

    /// The end of standard error, as the end of a sentence.
    private static func lastLines(_ error: String, _ redactor: Redactor) -> String {
        // Redacted first: a secret may have several lines, and one that is cut would not be recognised.
        let lines = redactor.redact(error).split(whereSeparator: \.isNewline).suffix(3)
            .map { $0.count > 300 ? $0.prefix(300) + "…" : $0 }
        return lines.isEmpty ? "" : "; last lines of standard error: " + lines.joined(separator: " ⏎ ")
    }
}

/// Which program reads the script.
enum ShellKind: String, FieldChoice {
    case sh, bash, python

    func command(_ script: String) -> (program: String, arguments: [String]) {
        switch self {
        case .sh: ("sh", ["-e", "-c", script])
        case .bash: ("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        case .python: ("python3", ["-c", script])
        }
    }
}

/// What becomes of standard output.
enum ShellOutput: String, FieldChoice {
    case text, json, lines

    func value(_ output: String) throws -> Value {
        switch self {
        case .text: return .string(output)
        case .lines:
            guard !output.isEmpty else { return [] }
            let lines = output.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
            return .list(lines.map { .string(String($0)) })
        case .json:
            do {
                return try Value.json(Array(output.utf8))
            } catch {
                throw StepError(
                    ShellErrorCode.output, "standard output is not JSON: \(error)",
                    hint: "write progress and messages to standard error, or leave `parse` out")
            }
        }
    }
}

/// Whether scripts may be run at all.
protocol ShellAvailability: Sendable {
    static var isEnabled: Bool { get }
}

enum ShellEnabled: ShellAvailability { static let isEnabled = true }
enum ShellDisabled: ShellAvailability { static let isEnabled = false }

/// `shell:` in `runnel.yaml`.
public struct ShellSettings: FieldGroup {
    public init() {}

    @Field("Whether pipelines can use the step `shell`.") public var enabled: Bool = true
}

/// Runs scripts of pipelines.
public struct ShellPlugin: ConfigurablePlugin {
    public static let section: SettingsSection? = SettingsSection("shell", "The step `shell`.")

    public let name = "shell"
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [ShellErrorCode.self] }
    private var settings = ShellSettings()

    /// The plugin with its default settings: the step is available.
    public init() {}

    public func configured(_ settings: ShellSettings) -> ShellPlugin {
        var plugin = self
        plugin.settings = settings
        return plugin
    }

    public var steps: [StepDefinition] {
        settings.enabled ? [StepDefinition(Shell<ShellEnabled>.self)] : [StepDefinition(Shell<ShellDisabled>.self)]
    }
}
