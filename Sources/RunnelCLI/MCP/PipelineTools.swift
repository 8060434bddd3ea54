import Logging
import MCP
import RunnelEngine
import RunnelKit
internal import RunnelSupport
import Synchronization

/// The pipelines of a folder as tools of an MCP server. Each call is a run of the journal.
actor PipelineTools: ToolProvider {
    private let runs: ForegroundRuns
    private var catalog: PipelineCatalog
    private var served: [(name: String, pipeline: Pipeline)] = []
    /// The names of those that are not served, by file.
    private var hidden: [String: String] = [:]

    init(folder: PipelineFolder, loader: PipelineLoader, runs: ForegroundRuns) {
        self.runs = runs
        catalog = PipelineCatalog(loader: loader, isServed: false) {
            try folder.contents().map { file, bytes in
                let shown = FileReading.shown(FileReading.absolute(file))
                return (file.hasSuffix("/") ? shown + "/" : shown, bytes)
            }
        }
    }

    /// A file with errors keeps its last good version, as with `runnel serve`.
    func tools() -> [ServedTool] {
        read()
        return served.map { ServedTool($0.name, $0.pipeline) }
    }

    func call(
        _ tool: String, _ arguments: ValueObject, progress: @escaping @Sendable (String) async -> Void
    ) async -> ToolOutcome {
        guard let pipeline = served.first(where: { $0.name == tool })?.pipeline else {
            return .failed(message: "the pipeline is gone", run: nil)
        }
        var given = arguments
        var input = Value.null
        if !pipeline.inputs.contains(where: { $0.name == ServedTool.inputKey }) {
            input = given[ServedTool.inputKey] ?? .null
            given = given.removing(ServedTool.inputKey)
        }
        let id = runs.service.makeID()
        var priority: Int?
        if !pipeline.inputs.contains(where: { $0.name == ServedTool.priorityKey }) {
            if let value = given[ServedTool.priorityKey] {
                do throws(FieldError) {
                    priority = try RunPriority(field: value).level
                } catch {
                    return .failed(message: "`\(ServedTool.priorityKey)`: \(error.message)", run: nil)
                }
            }
            given = given.removing(ServedTool.priorityKey)
        }
        do {
            let values = try pipeline.inputValues(json: given)
            let request = RunRequest(id: id, inputs: values, input: input)
            return try await run(request, pipeline, priority: priority, progress)
        } catch let error as InputError {
            return .failed(message: error.message, run: nil)
        } catch {
            return .failed(message: "cannot store the run: \(error)", run: id)
        }
    }

    private func run(
        _ request: RunRequest, _ pipeline: Pipeline, priority: Int?,
        _ progress: @escaping @Sendable (String) async -> Void
    ) async throws -> ToolOutcome {
        let run = runs.service.makeRun(request, of: pipeline, priority: priority)
        let reporter = ProgressReporter(progress: progress)
        let cancellation = Cancellation()
        let result: DriveResult?
        do {
            result = try await withTaskCancellationHandler {
                try await runs.service.perform(run, observer: reporter)
            } onCancel: {
                cancellation.begin { [service = runs.service] in _ = try? await service.cancel(run.id) }
                runs.worker.cancelRun(run.id, once: true)
            }
            await cancellation.wait()
        } catch {
            await cancellation.wait()
            throw error
        }
        switch result {
        case .ended(let ended)?:
            switch ended.outcome {
            case .succeeded(let output):
                return .succeeded(output: runs.project.redactor.redact(output), run: request.id)
            case .cancelled: return .failed(message: "the run was cancelled", run: request.id)
            case .failed(let error):
                let hint = error.hint.map { " (\($0))" } ?? ""
                return .failed(
                    message: runs.project.redactor.redact("\(error.message)\(hint) [\(error.code)]"), run: request.id)
            }
        case nil:
            return .failed(message: "another run of \(pipeline.name) is running (`overlap`)", run: request.id)
        default:
            return .failed(
                message: "the run continues elsewhere; `runnel runs show \(request.id)` shows its state",
                run: request.id)
        }
    }

    /// If two pipelines map to one name, the first in file order is served; the other is reported once.
    private func nameTools() {
        served = []
        for entry in catalog.entries {
            guard let pipeline = entry.pipeline else { continue }
            let (file, name) = (entry.file, ServedTool.name(of: pipeline))
            if let first = served.first(where: { $0.name == name })?.pipeline {
                guard hidden.updateValue(pipeline.name, forKey: file) != pipeline.name else { continue }
                runs.assembly.logger.warning(
                    "\"\(pipeline.name)\" in \(file) is not served: \"\(first.name)\" is the tool \"\(name)\" already; give it another name"
                )
            } else {
                hidden[file] = nil
                served.append((name, pipeline))
            }
        }
    }

    private func read() {
        for change in catalog.look().changes {
            switch change {
            case .updated(_, _, let report, _), .problem(_, _, let report):
                DiagnosticOutput.write([report], format: .text, redactor: runs.project.redactor)
            // A pipeline that was read before stays a tool.
            case .unreadable(let file):
                if let problem = PipelineFolder.problem(with: file) { Streams.error.write("error: \(problem)\n") }
            case .folderUnreadable(let problem): Streams.error.write("error: \(problem)\n")
            case .readable, .removed, .displaced: break
            }
        }
        nameTools()
    }
}

extension ServedTool {
    /// The argument that becomes the first step's input, where the pipeline has no input of that name.
    static let inputKey = "input"
    /// The argument that is the priority of the run, where the pipeline has no input of that name.
    static let priorityKey = "priority"

    init(_ name: String, _ pipeline: Pipeline) {
        var properties = ValueObject()
        for input in pipeline.inputs {
            let type = Value.string(input.kind.schemaType)
            var property: ValueObject = ["type": input.takesNull ? [type, "null"] : type]
            property["description"] = input.help.map { .string($0) }
            property["default"] = input.defaultValue
            if input.kind == .list { property["items"] = [:] }
            property["enum"] = input.choices.map { .list(input.takesNull ? $0 + [.null] : $0) }
            properties[input.name] = .object(property)
        }
        if properties[Self.inputKey] == nil {
            properties[Self.inputKey] = ["description": "What the first step gets as its input, such as a text."]
        }
        if properties[Self.priorityKey] == nil {
            var property = RunPriority.schema.asObject ?? [:]
            property["description"] = "The priority of the run among queued ones, instead of the pipeline's."
            properties[Self.priorityKey] = .object(property)
        }
        var schema: ValueObject = ["type": "object", "properties": .object(properties)]
        let required = pipeline.inputs.filter { $0.isRequired && $0.defaultValue == nil }
        if !required.isEmpty { schema["required"] = .list(required.map { .string($0.name) }) }
        schema["additionalProperties"] = false
        self.init(
            name: name, description: pipeline.description ?? "Runs the pipeline \(pipeline.name).",
            inputSchema: .object(schema))
    }

    /// What clients accept as a name: other characters become `_`.
    static func name(of pipeline: Pipeline) -> String {
        String(
            String.UnicodeScalarView(
                pipeline.name.unicodeScalars.prefix(64).map { scalar in
                    let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                    return isPlain || scalar == "-" ? scalar : "_"
                }))
    }
}

extension InputDeclaration.Kind {
    fileprivate var schemaType: String { self == .list ? "array" : rawValue }
}

/// Reports the progress of a run, one line per event.
private struct ProgressReporter: RunObserver {
    let progress: @Sendable (String) async -> Void

    func report(_ event: RunEvent) async {
        if let line = EventRenderer.progress(event) { await progress(line) }
    }

    func finish(_ result: RunResult) {}
}

/// A cancellation handler that the cancelled task awaits.
private final class Cancellation: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    func begin(_ work: @escaping @Sendable () async -> Void) {
        task.withLock { $0 = $0 ?? Task { await work() } }
    }

    func wait() async {
        await task.withLock(\.self)?.value
    }
}
