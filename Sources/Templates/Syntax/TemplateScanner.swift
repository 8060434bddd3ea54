/// Splits a template into text, `{{ expressions }}` and `{% tags %}`.
struct TemplateScanner {
    enum Piece: Sendable {
        case text(Range<Int>)
        case expression(Range<Int>, whole: Range<Int>)
        case tag(Range<Int>, whole: Range<Int>)
    }

    private let text: [UInt8]
    private(set) var pieces: [Piece] = []
    private(set) var issues: [TemplateIssue] = []

    init(_ text: [UInt8]) {
        self.text = text
        scan()
    }

    private mutating func scan() {
        var index = 0
        var textStart = 0
        while index + 1 < text.count {
            guard text[index] == UInt8(ascii: "{"),
                text[index + 1] == UInt8(ascii: "{") || text[index + 1] == UInt8(ascii: "%")
            else {
                index += 1
                continue
            }
            let isTag = text[index + 1] == UInt8(ascii: "%")
            guard let close = closing(from: index + 2, isTag: isTag) else {
                issues.append(
                    TemplateIssue(
                        isTag ? TemplateErrorCode.unclosedTag : TemplateErrorCode.unclosedExpression,
                        isTag ? "`{%` is never closed" : "`{{` is never closed", index..<index + 2,
                        hint: "close it with `\(isTag ? "%}" : "}}")`; to write it as text, put it between "
                            + "`{% raw %}` and `{% endraw %}`"))
                break
            }
            let whole = index..<close + 2
            let trimsLeft = text[index + 2] == UInt8(ascii: "-")
            let trimsRight =
                close > index + 2 && text[close - 1] == UInt8(ascii: "-") && !(close == index + 3 && trimsLeft)
            let inner =
                (index + 2 + (trimsLeft ? 1 : 0))..<max(index + 2 + (trimsLeft ? 1 : 0), close - (trimsRight ? 1 : 0))
            var textEnd = index
            var next = whole.upperBound
            if trimsLeft { textEnd = skipBack(from: index, to: textStart, isWhiteSpace) }
            if trimsRight { next = skipForward(from: next, isWhiteSpace) }
            if isTag, !trimsLeft, !trimsRight { removeOwnLine(whole, textStart, &textEnd, &next) }
            if textEnd > textStart { pieces.append(.text(textStart..<textEnd)) }
            if isTag, word(in: inner) == "raw" {
                next = raw(from: next, opening: whole)
            } else {
                pieces.append(isTag ? .tag(inner, whole: whole) : .expression(inner, whole: whole))
            }
            index = next
            textStart = next
        }
        if textStart < text.count { pieces.append(.text(textStart..<text.count)) }
    }

    /// The position of `}}` or `%}`, skipping strings and nested braces.
    private func closing(from start: Int, isTag: Bool) -> Int? {
        var index = start
        var quote: UInt8?
        var braces = 0
        while index < text.count {
            let byte = text[index]
            if let open = quote {
                if byte == UInt8(ascii: "\\") { index += 1 } else if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if !isTag, byte == UInt8(ascii: "{") {
                braces += 1
            } else if byte == UInt8(ascii: "}"), braces > 0 {
                braces -= 1
            } else if index + 1 < text.count, text[index + 1] == UInt8(ascii: "}"),
                byte == UInt8(ascii: isTag ? "%" : "}")
            {
                return index
            }
            index += 1
        }
        return nil
    }

    /// Removes the whole line of a tag that is alone on its line.
    private func removeOwnLine(_ whole: Range<Int>, _ textStart: Int, _ textEnd: inout Int, _ next: inout Int) {
        let lineStart = skipBack(from: whole.lowerBound, to: textStart, isBlank)
        let isAtLineStart = lineStart == 0 || text[lineStart - 1] == 0x0A
        var lineEnd = skipForward(from: whole.upperBound, isBlank)
        if lineEnd < text.count, text[lineEnd] == 0x0D { lineEnd += 1 }
        guard isAtLineStart, lineEnd == text.count || text[lineEnd] == 0x0A else { return }
        textEnd = lineStart
        next = min(lineEnd + 1, text.count)
    }

    /// Scans everything up to `{% endraw %}` as text.
    private mutating func raw(from start: Int, opening: Range<Int>) -> Int {
        var index = start
        while index + 1 < text.count {
            if let (end, trimsLeft, trimsRight) = endOfRaw(at: index) {
                var textEnd = index
                var next = end
                if trimsLeft { textEnd = skipBack(from: index, to: start, isWhiteSpace) }
                if trimsRight { next = skipForward(from: next, isWhiteSpace) }
                if !trimsLeft, !trimsRight { removeOwnLine(index..<end, start, &textEnd, &next) }
                if textEnd > start { pieces.append(.text(start..<textEnd)) }
                return next
            }
            index += 1
        }
        issues.append(
            TemplateIssue(TemplateErrorCode.unclosedTag, "`{% raw %}` has no `{% endraw %}`", opening))
        return text.count
    }

    /// The end of `{% endraw %}`, if it begins at `index`.
    private func endOfRaw(at index: Int) -> (end: Int, trimsLeft: Bool, trimsRight: Bool)? {
        guard text[index...].starts(with: "{%".utf8) else { return nil }
        let trimsLeft = text[(index + 2)...].first == UInt8(ascii: "-")
        var next = skipForward(from: index + (trimsLeft ? 3 : 2), isWhiteSpace)
        guard text[next...].starts(with: "endraw".utf8) else { return nil }
        next = skipForward(from: next + 6, isWhiteSpace)
        let trimsRight = text[next...].first == UInt8(ascii: "-")
        if trimsRight { next += 1 }
        return text[next...].starts(with: "%}".utf8) ? (next + 2, trimsLeft, trimsRight) : nil
    }

    private func word(in range: Range<Int>) -> String {
        String(decoding: text[range].filter { !isWhiteSpace($0) && $0 != UInt8(ascii: "-") }, as: UTF8.self)
    }

    private func skipBack(from index: Int, to start: Int, _ matches: (UInt8) -> Bool) -> Int {
        var index = index
        while index > start, matches(text[index - 1]) { index -= 1 }
        return index
    }

    private func skipForward(from index: Int, _ matches: (UInt8) -> Bool) -> Int {
        var index = index
        while index < text.count, matches(text[index]) { index += 1 }
        return index
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    private func isWhiteSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0x0A || byte == 0x0D }
}
