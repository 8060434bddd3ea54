import ArgumentParser
import RunnelKit
import RunnelSupport

/// `runnel status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the status of a running server and its triggers.",
        discussion: HelpText.text(
            examples: [
                "runnel status": "The triggers of the running server, and what is wrong with them."
            ]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let client = ServerClient(project: try options.project(runsCommands: true))
        let status = try await client.request("GET", "/status", within: 5)
        if json { return Streams.output.write(json: status, isPretty: true) }
        Streams.output.write(
            styled: StatusText(style: .standardOutput, width: Streams.output.width).text(status))
    }
}

/// What `runnel status` prints of the server's answer.
struct StatusText {
    let style: TextStyle
    /// The columns of the terminal; nil: nothing is wrapped.
    var width: Int?

    func text(_ status: Value) -> String {
        let object = status.asObject ?? [:]
        var lines = [
            "runnel \(object["version"]?.asString ?? "")  \(object["running"]?.json() ?? "0") running, \(object["queued"]?.json() ?? "0") queued"
        ]
        if let waiting = object["waiting"]?.asInt, waiting > 0 { lines[0] += ", \(waiting) waiting" }
        if let problem = object["journal_problem"]?.asString {
            lines.append(style.red(wrap("✗ \(style.line(problem))")))
        }
        if let stranded = object["stranded"]?.asList, !stranded.isEmpty {
            let runs = "\(stranded.count) run\(stranded.count == 1 ? "" : "s")"
            lines.append(
                style.red(wrap("✗ \(runs) of this server cannot continue because the journal is not writable")))
        }
        if object["drained"]?.asBool ?? false {
            lines.append(
                style.bold(wrap("this server is drained: it takes no runs; `runnel workers undrain NAME` ends that")))
        }
        let pending = (object["pending_restart"]?.asList ?? []).compactMap(\.asString)
        if !pending.isEmpty {
            lines.append(style.bold(wrap("restart Runnel to apply \(style.line(Quote.names(pending)))")))
        }
        let problems = (object["configuration_problems"]?.asList ?? []).compactMap(\.asString)
        if !problems.isEmpty {
            lines.append(style.red(wrap("✗ the configuration has problems; what was valid before stays in use:")))
            lines += problems.map { "    \(behind(4, style.line($0)))" }
        }
        for problem in (object["held_runs"]?.asList ?? []).compactMap({ $0["problem"]?.asString }) {
            lines.append(style.red(wrap("✗ \(style.line(problem))")))
        }
        for worker in object["workers"]?.asList ?? [] { lines += self.lines(ofWorker: worker) }
        for pipeline in object["pipelines"]?.asList ?? [] { lines += self.lines(ofPipeline: pipeline) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func lines(ofWorker worker: Value) -> [String] {
        let (host, process) = (worker["host"]?.asString ?? "", worker["process"]?.json() ?? "")
        let runs = worker["runs"]?.asList?.count ?? 0
        let facts = [
            worker["role"]?.asString ?? "", worker["version"]?.asString ?? "", "\(runs) run\(runs == 1 ? "" : "s")",
            "since \(worker["since"]?.asString ?? "")",
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        let state = worker["state"]?.asString ?? ""
        let mark = ["silent", "ended"].contains(state) ? style.red("✗") : style.green("✓")
        let name = "worker \(style.line("\(host)/\(process)"))  \(style.line(state))"
        var lines = ["\(mark) \(name)  \(style.dim(behind(name.count + 4, style.line(facts))))"]
        if let problem = worker["problem"]?.asString {
            lines.append("  \(style.red("✗")) \(behind(4, style.safe(problem)))")
        }
        return lines
    }

    private func lines(ofPipeline pipeline: Value) -> [String] {
        let file = style.line(pipeline["file"]?.asString ?? "")
        var lines = ["\(style.bold(style.line(pipeline["name"]?.asString ?? "(not served)")))  \(style.dim(file))"]
        for trigger in pipeline["triggers"]?.asList ?? [] {
            let key = style.line(trigger["key"]?.asString ?? "")
            let count = trigger["ignored"]?.asInt ?? 0
            let ignored = count > 0 ? "  \(count) event\(count == 1 ? "" : "s") ignored" : ""
            if let problem = trigger["problem"]?.asString {
                lines.append("  \(style.red("✗")) \(key)  \(behind(key.count + 6, style.safe(problem) + ignored))")
            } else {
                let waiting = style.safe((trigger["waiting"]?.asString ?? "") + ignored)
                lines.append("  \(style.green("✓")) \(key)  \(style.dim(behind(key.count + 6, waiting)))")
            }
        }
        guard let problem = pipeline["problem"]?.asString.map({ style.safe($0) }) else { return lines }
        if problem.contains("\n") {
            lines.append(style.red("  the file has errors:"))
            let words = TextWrap.messages(problem, width: width.map { $0 - 4 })
            lines.append(words.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        } else {
            // Such as that of a folder that cannot be read.
            lines.append("  \(style.red("✗")) \(behind(4, problem))")
        }
        return lines
    }

    private func wrap(_ text: String) -> String { TextWrap.wrap(text, width: width, hanging: 2) }

    private func behind(_ columns: Int, _ text: String) -> String {
        TextWrap.behind(columns, text, width: width, indent: 4)
    }
}
