public import RunnelKit

/// The codes of errors in test files of pipelines.
public enum TestErrorCode: String, ErrorCode {
    case badKeys = "bad-keys"
    case duplicateName = "duplicate-name"
    case emptyFile = "empty-file"
    case emptyValue = "empty-value"
    case error
    case fileNotFound = "file-not-found"
    case missingKey = "missing-key"
    case noCannedAnswer = "no-canned-answer"
    case unknownKey = "unknown-key"
    case unknownReference = "unknown-reference"
    case wrongType = "wrong-type"
    case wrongValue = "wrong-value"

    /// The heading in the reference.
    public static let part = "Tests of pipelines"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badKeys:
            ErrorExplanation(
                "`fault` and `error` are mutually exclusive", "a run that succeeds has no `error`",
                "a run that fails has no `output`", "`…` cannot stand beside `prompt` or `system`",
                "`…` and `input_file` are mutually exclusive", "\"…\" is a group of steps", "… takes only one of …",
                hints: "see `outputs` for its steps", "put it below one of them",
                "`input_file` brings both, as `--input-file` does", "name the steps inside")
        case .duplicateName: ErrorExplanation("two tests are named \"…\"", hints: "the other is in line …")
        case .emptyFile: ErrorExplanation("the file is empty; it has at least `tests:`")
        case .emptyValue: ErrorExplanation("`…`: expected …, found null", hints: "remove it, or give it a value")
        case .error: ErrorExplanation("a step or a chat of the test fails, and the test names no code")
        case .fileNotFound:
            ErrorExplanation(hints: "name the pipeline with `pipeline:`, relative to the test file's folder")
        case .missingKey:
            ErrorExplanation(
                "a chat answer needs `text`, `json`, `error` or `fault`", "an error needs the key \"status\"",
                "an HTTP answer needs the key \"url\"", "`judge` needs the key \"prompt\"",
                "the input \"…\" is required", "`trigger` needs the key \"type\"",
                "a stand-in needs `output` or `error`", "there are no tests", "a test needs the key \"name\"",
                hints: "write `- text: the answer`", "write `status: 503`",
                "write the URL that is answered, or `url: { contains: … }`", "write what a good answer is like",
                "add `inputs: { …: … }`", "write `type: manual`", "write `{ output: what the step comes to }`",
                "write `tests:` and below it a list, each item with `name:` and `expect:`",
                "write `name: what must hold`")
        case .noCannedAnswer: ErrorExplanation("the run sent a request that the test has no answer for")
        case .unknownKey:
            ErrorExplanation(
                "a `…` trigger brings no \"…\"", "… has no key \"…\"", hints: "it brings …", "known keys: …")
        case .unknownReference:
            ErrorExplanation(
                "the pipeline \"…\" has no trigger \"…\"", "there is no … \"…\"", hints: "it is not under its `on:`")
        case .wrongType:
            ErrorExplanation(
                "`chat`: expected a list of answers, or the id of a step", "`…`: expected a string, found …",
                "`…`: expected a list, found …", "`…`: expected keys and values, found …",
                "… must be a mapping, found …", hints: "put a dash before the answer: - …: …",
                "put it in quotes if it is meant as text")
        case .wrongValue:
            ErrorExplanation(
                "`status`: … is no error", "`matches`: … is no regular expression", "the input \"…\": …",
                "`now`: expected a time such as 2026-01-02T03:04:05Z, found \"…\"", "\"…\" is no file of the project",
                hints: "400 to 599 are", "write its path from the project's folder on, such as inbox/a.txt")
        }
    }
}
