/// Cuts bytes into lines.
struct LineReader: Sendable {
    enum Line: Sendable, Hashable {
        case line([UInt8])
        /// A line that was longer than allowed; it was dropped.
        case tooLong
    }

    private let limit: Int
    private var rest: [UInt8] = []
    private var isSkipping = false

    init(limit: Int) {
        self.limit = limit
    }

    /// The lines that end in these bytes. Empty ones are left out.
    mutating func read(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            take(bytes[start..<end])
            if isSkipping {
                lines.append(.tooLong)
            } else {
                if rest.last == 0x0D { rest.removeLast() }
                if !rest.isEmpty { lines.append(.line(rest)) }
            }
            rest = []
            isSkipping = false
            start = end + 1
        }
        take(bytes[start...])
        return lines
    }

    /// What stands behind the last end of a line, when no more will come.
    mutating func finish() -> Line? {
        read([0x0A]).first
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        guard !isSkipping else { return }
        guard rest.count + bytes.count <= limit else {
            isSkipping = true
            rest = []
            return
        }
        rest += bytes
    }
}
