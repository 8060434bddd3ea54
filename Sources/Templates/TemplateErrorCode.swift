public import RunnelKit

/// The codes of errors in templates.
public enum TemplateErrorCode: String, ErrorCode {
    case badArguments = "bad-arguments"
    case badExpression = "bad-expression"
    case badOperand = "bad-operand"
    case badTag = "bad-tag"
    case badValue = "bad-value"
    case emptyValue = "empty-value"
    case filterFailed = "filter-failed"
    case missingValue = "missing-value"
    case strayTag = "stray-tag"
    case tooDeep = "too-deep"
    case tooLarge = "too-large"
    case tooManyIterations = "too-many-iterations"
    case unclosedExpression = "unclosed-expression"
    case unclosedTag = "unclosed-tag"
    case unknownFilter = "unknown-filter"
    case unknownFunction = "unknown-function"
    case unknownTag = "unknown-tag"

    /// The heading in the reference.
    public static let part = "Templates"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badArguments:
            ErrorExplanation(
                "the filter `default` takes one argument: `default(value)`", "the filter `…` takes …, found …: `…`",
                "`…()` takes …, found …")
        case .badExpression:
            ErrorExplanation(
                "the expression is empty", "the expression is nested deeper than … levels", "unexpected `:`",
                "the expression has more than … operators", "unexpected `=`", "expected …, found …",
                "`…` is not allowed in an expression", "the number … does not fit 64 bits", "the string is not closed",
                "`…` is half of a surrogate pair", "the key … appears twice in one object",
                hints: "write the arguments of a filter in parentheses: `x | …(…)`", "write `==` to compare",
                #"write both halves, such as `\ud83d\ude00`, or the character itself"#)
        case .badOperand:
            ErrorExplanation(
                "`…`: cannot compute … … …", "`…`: division by zero", "`…`: the result does not fit 64 bits",
                "`…`: … has no negative", "`…`: expected whole numbers, and no step of 0",
                "`…`: … and … cannot be compared", "`…`: … cannot be looked for in …",
                "`…` is …, and … cannot be looked up in it", "`…` is …; a loop needs a list or an object")
        case .badTag: ErrorExplanation("`{% … %}` takes no argument, found `…`", hints: "write `{% elif … %}`")
        case .badValue: ErrorExplanation("`…` is binary data, not text", hints: "add `| base64` to put it into a text")
        case .emptyValue:
            ErrorExplanation(
                "`…` is an empty text", "`…` is null", hints: "add `| default(\"\")` if that is intended",
                "add `| default(\"…\")` if it may be missing")
        case .filterFailed: ErrorExplanation("a filter cannot work with the value before it, or with its arguments")
        case .missingValue:
            ErrorExplanation(
                "unknown name `…`", "`…` is missing: `…` …", "`…` has no key …", "`…` is missing: `…` has … item…",
                "`…` is missing: `…` is …", hints: "known names: …", "add `| default(\"…\")` if it may be missing")
        case .strayTag: ErrorExplanation("`{% … %}` has no matching opening tag")
        case .tooDeep: ErrorExplanation("tags are nested deeper than … levels")
        case .tooLarge: ErrorExplanation("the text of `…` is larger than …", "the text grows beyond …")
        case .tooManyIterations: ErrorExplanation("`…` has more than … items", "the loops run more than … times")
        case .unclosedExpression:
            ErrorExplanation(
                "`{%` is never closed", "`{{` is never closed",
                hints: """
                    close it with `…`; to write it as text, put it between `{% raw %}` and `{% endraw %}`
                    """)
        case .unclosedTag:
            ErrorExplanation(
                "`{% … %}` needs `{% … %}`, …", "`{%` is never closed", "`{{` is never closed",
                "`{% raw %}` has no `{% endraw %}`",
                hints: """
                    close it with `…`; to write it as text, put it between `{% raw %}` and `{% endraw %}`
                    """)
        case .unknownFilter: ErrorExplanation("unknown filter \"…\"")
        case .unknownFunction:
            ErrorExplanation(
                "unknown function \"…\"", hints: "`…` is a filter: write `… | …`",
                "steps of `finally` always run, steps of `on_failure` after a failure", "known functions: …")
        case .unknownTag: ErrorExplanation("unknown tag `{% … %}`", hints: "known tags: if, for and raw")
        }
    }
}
