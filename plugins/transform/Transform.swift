internal import RunnelHTTP
public import RunnelKit

/// The step `transform`.
struct Transform: Step {
    static let name = "transform"
    static let inputKeys = ["from"]
    static let isRepeatable = true
    static let summary = "Transforms data with jq, lines, CSV, JSON or regular expressions."
    static let documentation = StepDocumentation(
        details: """
            `jq` is the language of jq 1.6. One output of the program is the step's output; none is null; several are a \
            list. With `all: true` it is always a list. The program sees its input as `.` and nothing else: `env` and \
            `$ENV` are empty, `input` and `halt` are errors, `debug` and `stderr` write nothing, and there are no modules. \
            `inputs` is empty, because a program has one input: write `.` for the `[inputs]` of `jq -n`. As in jq, \
            functions in the file `.jq` of the home folder are visible.

            Numbers in jq are floating-point. A whole number beyond 2^53 that the program passes on keeps its exact value; \
            one that it computes, or writes into a text, may be rounded, and a note says so. If the result is rounded to a \
            number of the input (`.id + 1`), it is that number, without a note: templates compute exactly \
            (`{{ input.id + 1 }}`). Binary data is a base64 \
            string in jq. Searches for every match (flag `g`) leave empty matches out.

            A program is evaluated in a process of its own, so what ends libjq fails this step alone (`jq-crashed`). It may \
            take as much CPU time as `timeout` says, and 768MiB of memory. Its outputs are limited to 100000, with 4000000 \
            values, 256MiB of text and 512 levels of nesting in all.

            `lines`, `csv`, `json` and `regex` take a text, or binary data that is text in `encoding` (UTF-8 without it; a \
            byte order mark takes precedence).

            `lines` gives a list of texts; lines end with LF, CRLF or CR. `csv` gives a list of objects, or of lists with \
            `header: false`; every field is a text. `json` reads a text that is JSON and nothing else.

            `regex` gives the first match: its text, or the group that `group` names, or an object when the pattern names \
            its groups; null when nothing matches. With `all: true` it gives a list of all matches. An empty match is none.
            """,
        output: "The result of the transformation.",
        examples: [
            .init("Take one key", "uses: transform\nwith: { jq: .json.label }"),
            .init(
                "Count by label",
                "uses: transform\nwith:\n  jq: |\n    group_by(.label)\n    | map({key: .[0].label, value: length})\n    | from_entries"
            ),
            .init("The lines of a text", "uses: transform\nwith: { lines: { trim: true, skip_empty: true } }"),
            .init("Read CSV with semicolons", "uses: transform\nwith: { csv: { delimiter: \";\" } }"),
            .init("Read JSON", "uses: transform\nwith: { json: true, from: \"{{ input.text }}\" }"),
            .init(
                "Find a ticket number",
                "uses: transform\nwith:\n  from: \"{{ trigger.name }}\"\n  regex: { pattern: 'T-(\\d+)', group: 1 }"),
        ])
    var settledOutputSchema: Value? {
        if all { return ["type": "array"] }
        if lines != nil { return ["type": "array", "items": ["type": "string"]] }
        return csv == nil ? nil : ["type": "array"]
    }
    static let rules: [FieldRule] = [.exactlyOne(["jq", "lines", "csv", "json", "regex"])]

    @Field("A jq program. It is compiled when the pipeline is validated.") var jq: JQProgram?
    @Field("Split a text into lines: true, or an object with options.") var lines: OptionsOrTrue<LineOptions>?
    @Field("Parse a text as CSV: true, or an object with options.") var csv: OptionsOrTrue<CSVOptions>?
    @Field("Parse a text as JSON: true.") var json: ConstTrue?
    @Field("Find a pattern in a text: the pattern, or an object with options.") var regex: RegexField?
    @Field("The value to transform; default is the step's input.") var from: Value?
    @Field("The encoding of binary data that is transformed as text; default is UTF-8.") var encoding: TextEncoding?
    @Field("With `jq`: always return a list of all outputs.") var all: Bool = false
    @Field("The limit of CPU time for `jq` or `regex`. Waiting does not count.") var timeout: Duration = .seconds(10)

    func run(_ context: StepContext) async throws -> Value {
        let value = from ?? context.input
        if let jq { return try await evaluate(jq, value, context) }
        let text = try text(of: value)
        if let regex { return try await find(regex.options, text, context) }
        if let lines { return .list(lines.options.lines(of: text).map { .string(String($0)) }) }
        if let csv { return .list(try rows(of: text, csv.options)) }
        do throws(JSONError) {
            return try Value.json(text)
        } catch {
            throw StepError(
                TransformErrorCode.badJSON, "the input is not JSON: \(error)",
                hint: "it begins with \(context.redactor.redact(value).quoted())")
        }
    }

    private func evaluate(_ program: JQProgram, _ value: Value, _ context: StepContext) async throws -> Value {
        let outputs: JQOutputs
        do {
            outputs = try await program.outputs(for: value, within: timeout, redactor: context.redactor)
        } catch var error as StepError where error.has(TransformErrorCode.jqError) {
            error.hint = "the input was \(context.redactor.redact(value).quoted(limit: 120))"
            throw error
        }
        if outputs.isRounded {
            await context.report(.note("jq computed a whole number beyond 2^53, which may be rounded"))
        }
        return all || outputs.values.count > 1 ? .list(outputs.values) : outputs.values.first ?? .null
    }

    private func find(_ options: RegexOptions, _ text: String, _ context: StepContext) async throws -> Value {
        let matches = try await RegexSearch.matches(of: options, in: text, within: timeout, redactor: context.redactor)
        var results: [Value] = []
        for match in matches { results.append(try match.value(group: options.group)) }
        return options.all ? .list(results) : results.first ?? .null
    }

    private func rows(of text: String, _ options: CSVOptions) throws(StepError) -> [Value] {
        let reader = CSVReader(delimiter: options.delimiter.character, hasHeader: options.header)
        do throws(CSVReader.Failure) {
            return try reader.rows(of: text)
        } catch {
            throw StepError(
                TransformErrorCode.badCSV, "the input is not CSV: line \(error.line): \(error.message)",
                hint: error.hint)
        }
    }

    private func text(of value: Value) throws(StepError) -> String {
        if from?.isNull == true {
            throw StepError(
                TransformErrorCode.emptyValue, "`from`: expected a text to transform, found null", field: [.key("from")]
            )
        }
        if case .bytes(let bytes) = value {
            do throws(TextEncoding.Failure) {
                return try (encoding ?? .utf8).text(of: bytes)
            } catch {
                throw StepError(
                    TransformErrorCode.badEncoding, "the input \(error.message)",
                    hint: "name its encoding with `encoding`, such as `encoding: shift_jis`")
            }
        }
        guard let text = value.asString else {
            throw StepError(
                TransformErrorCode.wrongInput, "expected a text to transform, found \(value.kindName)",
                hint: "name the text with `from:`, such as \"{{ input.text }}\"")
        }
        return text
    }
}

/// Transforms data.
public struct TransformPlugin: Plugin {
    public let name = "transform"
    public let steps = [StepDefinition(Transform.self)]
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [TransformErrorCode.self] }

    public init() {}

    /// Provides the parser of HTML, which shares the child processes of jq, and keeps what libjq has accepted.
    public func registerServices(in services: Services) async {
        if let file = services.cacheFolder.flatMap({ VerdictFile(in: $0) }) { VerdictCache.shared.keep(in: file) }
        await services.register(HTMLParserService.self) { _ in PageParser() }
    }
}

/// `true`, or an object with options.
struct OptionsOrTrue<Options: FieldGroup>: FieldValue {
    let options: Options

    static var schema: Value { ["anyOf": [["const": true], Options.schema]] }

    init(field value: Value) throws(FieldError) {
        if value == true {
            options = try Options(fields: [:])
        } else if let object = value.asObject {
            options = try Options(fields: object)
        } else {
            throw .expected("true or an object with options", found: value)
        }
    }
}

/// The constant `true`, for a key without options.
struct ConstTrue: FieldValue {
    static var schema: Value { ["const": true] }

    init(field value: Value) throws(FieldError) {
        guard value == true else { throw .expected("true", found: value) }
    }
}

/// The options of `csv`.
struct CSVOptions: FieldGroup {
    @Field("Whether the first line holds column names; rows are then objects, otherwise lists.") var header: Bool = true
    @Field("The field separator: one character, such as \";\" or a tab.") var delimiter: Delimiter =
        Delimiter()
}

/// One character that is neither a quote nor a line break.
struct Delimiter: FieldValue {
    var character: Character = ","

    init() {}

    static var schema: Value { ["type": "string", "minLength": 1, "maxLength": 1] }
    var fieldDefault: Value? { .string(String(character)) }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, text.count == 1, let character = text.first, character != "\"",
            !character.isNewline
        else { throw .expected("one character that is neither a quote nor a line break", found: value) }
        self.character = character
    }
}

/// The options of `lines`.
struct LineOptions: FieldGroup {
    @Field("Trim white space at both ends of each line.") var trim: Bool = false
    @Field("Skip empty lines.") var skipEmpty: Bool = false

    /// The lines of `text`, which end with LF, CRLF or CR; optional for the last one.
    func lines(of text: String) -> [Substring] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        if lines.last?.isEmpty == true { lines.removeLast() }
        if trim { lines = lines.map(\.trimmed) }
        if skipEmpty { lines.removeAll(where: \.isEmpty) }
        return lines
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
