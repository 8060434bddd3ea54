/// One place at which an error is made.
struct ErrorUse {
    let code: String
    let sentences: [String]
    let hints: [String]

    /// What makes nothing but errors, so that their codes may be single words and their sentences come from elsewhere.
    private static let constructors: Set<String> = [
        "StepError", "RunError", "JournalError", "APIError", "TemplateIssue", "TemplateFailure", "Diagnostic",
    ]

    /// The errors that a call or tuple makes; more than one where a condition chooses between codes.
    static func all(of call: SwiftArguments) -> [ErrorUse] {
        let arguments = call.arguments
        guard let first = arguments.firstIndex(where: { !$0.literals.isEmpty }), isLabel(arguments[first], ["code"]),
            !call.callee.hasSuffix("headers.add")
        else { return [] }
        let rest = arguments[(first + 1)...]
        let message = rest.first {
            isLabel($0, ["message", "sentence"]) && ($0.label != nil || $0.literals.contains { $0.contains(" ") })
        }
        // What says so itself, and so need not say its sentence in the same place.
        let isError =
            constructors.contains(call.callee.split(separator: ".").last.map(String.init) ?? "")
            || (arguments[first].label == "code" && message != nil)
        let isAnswer = call.callee.hasSuffix(".error") && first == 1
        let sentences = message.map(texts) ?? []
        guard isError || isAnswer || !sentences.isEmpty,
            arguments[first].literals.allSatisfy({ isCode($0, isSingleWordAllowed: isError) })
        else { return [] }
        let isTuple = call.callee.isEmpty || call.callee == "return"
        let hint =
            rest.first { $0.label == "hint" }
            ?? (isTuple ? rest.dropFirst().first { $0.label == nil && !$0.literals.isEmpty } : nil)
        return arguments[first].literals.map {
            ErrorUse(code: $0, sentences: sentences, hints: hint.map(texts) ?? [])
        }
    }

    /// Codes that are given to a variable: `let code = isLost ? "a-b" : "c-d"`.
    static func assigned(in text: String) -> [ErrorUse] {
        text.split(separator: "\n").flatMap { line -> [ErrorUse] in
            guard line.contains("code = ") else { return [] }
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            let literals = parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) }
            return literals.filter { isCode($0, isSingleWordAllowed: false) }.map {
                ErrorUse(code: $0, sentences: [], hints: [])
            }
        }
    }

    private static func isLabel(_ argument: SwiftArguments.Argument, _ names: [String]) -> Bool {
        argument.label.map(names.contains) ?? true
    }

    private static func isCode(_ text: String, isSingleWordAllowed: Bool) -> Bool {
        let words = text.split(separator: "-", omittingEmptySubsequences: false)
        return words.count >= (isSingleWordAllowed ? 1 : 2)
            && words.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) } }
            && text.first?.isLetter == true
    }

    /// The sentences that an argument can become: several where a condition chooses, else one, put together.
    private static func texts(_ argument: SwiftArguments.Argument) -> [String] {
        let isSum = argument.code.contains("+") && !argument.code.contains("?")
        let texts = isSum ? [argument.literals.joined()] : argument.literals
        return texts.map { $0.replacing("……", with: "…") }.filter { text in
            text.contains(" ") && text.contains(where: \.isLetter)
        }
    }
}
