import RunnelKit

/// The step `transform`.
struct Transform: Step {
    static let name = "transform"
    static let summary = "Turns data into other data: jq, lines, CSV, JSON, regular expressions."
    static let documentation = StepDocumentation(
        details: """
            `jq` is the language of jq 1.6. One output of the program is the step's output; none is null; several are a \
            list. With `all: true` it is always a list. The program sees its input as `.` and nothing else: `env` and \
            `$ENV` are empty, `input` and `halt` are errors, and modules cannot be imported. Numbers in jq are \
            floating-point: a whole number beyond 2^53 may be rounded, and a note says so. Binary data is a base64 \
            string there.

            `regex` gives the text of the first match; the text of a group with `group`; an object when the pattern \
            names its groups; null without a match.
            """,
        output: "What the transformation made.",
        examples: [
            .init("Take one key", "uses: transform\nwith: { jq: .json.label }"),
            .init("The lines of a text", "uses: transform\nwith: { lines: true }"),
            .init(
                "Find a ticket number",
                "uses: transform\nwith:\n  from: \"{{ trigger.name }}\"\n  regex: { pattern: 'T-(\\d+)', group: 1 }"),
        ])
    static let rules: [FieldRule] = [.exactlyOne(["jq", "lines", "csv", "json", "regex"])]

    @Field("A jq program.") var jq: JQProgram?
    @Field("Cut a text into its lines.") var lines: OptionsOrTrue<LineOptions>?
    @Field("Read a text as CSV.") var csv: OptionsOrTrue<CSVOptions>?
    @Field("Read a text as JSON.") var json: Bool?
    @Field("Find a pattern in a text.") var regex: RegexOptions?
    @Field("What is transformed; the step's input unless given.") var from: Value?
    @Field("With `jq`: always give a list of all outputs.") var all: Bool = false
    @Field("How long a jq program or a pattern may take.") var timeout: Duration = .seconds(10)

    func run(_ context: StepContext) async throws -> Value {
        let value = from ?? context.input
        if let jq { return try await run(jq, value, context) }
        if let regex { return try await find(regex, try text(of: value), context) }
        let text = try text(of: value)
        if let lines { return Self.lines(of: text, lines.options) }
        if let csv {
            let reader = CSVReader(delimiter: csv.options.delimiter.character, hasHeader: csv.options.header)
            do throws(CSVReader.Failure) {
                return .list(try reader.rows(of: text))
            } catch {
                throw StepError("bad-csv", "line \(error.line): \(error.message)")
            }
        }
        do throws(JSONError) {
            return try Value.json(text)
        } catch {
            throw StepError("bad-json", "the input is not JSON: \(error)")
        }
    }

    private func run(_ program: JQProgram, _ value: Value, _ context: StepContext) async throws -> Value {
        if let number = value.firstInexactInteger {
            await context.report(.note("\(number) is beyond 2^53; jq may round it"))
        }
        let outputs: [Value]
        do {
            outputs = try await program.outputs(for: value, limit: timeout, clock: context.clock)
        } catch var error as StepError where error.code == "jq-error" {
            error.hint = error.hint ?? "the input was \(value.quoted(limit: 120))"
            throw error
        }
        return all || outputs.count > 1 ? .list(outputs) : outputs.first ?? .null
    }

    private func find(_ options: RegexOptions, _ text: String, _ context: StepContext) async throws -> Value {
        let flags = Value.string(options.flags.text + (options.all ? "g" : "")).json()
        let program = try JQProgram("match(\(Value.string(options.pattern.text).json()); \(flags))")
        let matches = try await program.outputs(for: .string(text), limit: timeout, clock: context.clock)
        let results = try matches.map { try RegexMatch($0).value(group: options.group) }
        return options.all ? .list(results) : results.first ?? .null
    }

    private func text(of value: Value) throws(StepError) -> String {
        guard let text = value.asString else {
            throw StepError(
                "wrong-input", "expected a text to transform, found \(value.kindName)",
                hint: "name the text with `from:`, such as \"{{ steps.page.body }}\"")
        }
        return text
    }

    private static func lines(of text: String, _ options: LineOptions) -> Value {
        var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        if lines.last?.isEmpty == true { lines.removeLast() }
        let trimmed = options.trim ? lines.map { $0.trimmed } : lines
        return .list(trimmed.filter { !options.skipEmpty || !$0.isEmpty }.map { .string(String($0)) })
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

extension Value {
    /// A whole number in the value that a floating-point number may not hold exactly.
    fileprivate var firstInexactInteger: Int64? {
        switch self {
        case .int(let number): number.magnitude > 1 << 53 ? number : nil
        case .list(let items): items.lazy.compactMap(\.firstInexactInteger).first
        case .object(let object): object.lazy.compactMap(\.value.firstInexactInteger).first
        default: nil
        }
    }
}
