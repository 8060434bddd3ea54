/// libyaml compares each `%TAG` line with all before it; without a limit a few megabytes of them would take hours.
enum DirectiveLimit {
    static let maxDirectives = 100

    static func check(_ source: YAMLSource) throws(YAMLError) {
        var directives = 0
        for number in 1...source.lineCount where source.isDirective(line: number) {
            directives += 1
            guard directives <= maxDirectives else {
                throw YAMLError(
                    code: "too-many-directives",
                    message: "There are more than \(maxDirectives) %TAG lines.",
                    range: YAMLRange(
                        start: YAMLPosition(line: number, column: 1), end: YAMLPosition(line: number, column: 5)),
                    source: source)
            }
        }
    }
}

extension YAMLSource {
    fileprivate func isDirective(line number: Int) -> Bool {
        guard let bytes = lines.bytes(ofLine: number), bytes.count > 4 else { return false }
        let start = text.utf8.index(text.startIndex, offsetBy: bytes.lowerBound)
        return text.utf8[start] == UInt8(ascii: "%") && text.utf8[start...].starts(with: "%TAG".utf8)
    }
}
