/// A regular expression of ECMA-262 in Unicode mode that is searched for in a text.
///
/// It runs as a Thompson NFA simulation without backtracking, in time proportional to pattern × text; look-around and
/// counts can multiply that, so steps are counted. Characters are code points, `\d`, `\w` and `\b` are ASCII only, `^`
/// and `$` match at the ends of the text only. Not supported, and an error: back references, `\p{Script=…}` and flags.
struct Pattern: Sendable {
    let source: String
    private let program: PatternProgram

    init(_ source: String) throws(PatternError) {
        self.source = source
        var parser = PatternParser(source)
        program = try PatternProgram(try parser.parse(), direction: .forward)
    }

    /// Whether the pattern occurs in `text`; nil if more than `maxSteps` are needed.
    /// - Returns: The answer, and the steps that were taken.
    func matches(_ text: String, maxSteps: Int) -> (answer: Bool?, steps: Int) {
        var matcher = PatternMatcher(text: text, maxSteps: maxSteps)
        return (matcher.occurs(program), matcher.steps)
    }
}

/// A syntax error in a regular expression.
struct PatternError: Error, Hashable {
    let message: String
}

/// A regular expression compiled to instructions for ``PatternMatcher``.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        case scalar(Unicode.Scalar)
        case set(ScalarSet)
        /// Continue at both targets.
        case split(Int, Int)
        case jump(Int)
        case assertion(PatternAssertion)
        /// Continue if the look-around with this number matches.
        case look(Int)
        case match
    }

    struct Look: Sendable {
        let program: PatternProgram
        let isNegated: Bool
    }

    /// The maximum number of instructions, those of look-arounds included; counts such as `{1000}` are expanded.
    static let maxSize = 100_000

    private(set) var instructions: [Instruction] = []
    private(set) var looks: [Look] = []
    let direction: PatternDirection
    /// The number of instructions that the pattern may still have. A count around a look-around compiles it again each
    /// time, so a limit for each look-around alone would multiply.
    private var room: Int

    init(_ node: PatternNode, direction: PatternDirection, room: Int = maxSize) throws(PatternError) {
        self.direction = direction
        self.room = room
        try emit(node)
        try append(.match)
    }

    /// Whether a match can begin at the start of the text only.
    var isAnchored: Bool {
        if case .assertion(.start) = instructions[0] { true } else { false }
    }

    private mutating func append(_ instruction: Instruction) throws(PatternError) {
        guard room > 0 else { throw PatternError(message: "it is too large: its counts are too high") }
        room -= 1
        instructions.append(instruction)
    }

    private mutating func emit(_ node: PatternNode) throws(PatternError) {
        switch node {
        case .empty: break
        case .scalar(let scalar): try append(.scalar(scalar))
        case .set(let set): try append(.set(set))
        case .sequence(let parts):
            for part in direction == .forward ? parts : parts.reversed() { try emit(part) }
        case .alternatives(let branches): try emit(branches: branches)
        case .repetition(let body, let minimum, let maximum):
            try emit(repetition: body, minimum: minimum, maximum: maximum)
        case .assertion(let assertion): try append(.assertion(assertion))
        case .look(let body, let direction, let isNegated):
            try append(.look(looks.count))
            let program = try PatternProgram(body, direction: direction, room: room)
            room = program.room
            looks.append(Look(program: program, isNegated: isNegated))
        }
    }

    private mutating func emit(branches: [PatternNode]) throws(PatternError) {
        var exits: [Int] = []
        for branch in branches.dropLast() {
            let split = instructions.count
            try append(.split(split + 1, split + 1))
            try emit(branch)
            exits.append(instructions.count)
            try append(.jump(0))
            instructions[split] = .split(split + 1, instructions.count)
        }
        if let last = branches.last { try emit(last) }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
    }

    private mutating func emit(repetition body: PatternNode, minimum: Int, maximum: Int?) throws(PatternError) {
        // An empty body matches nothing however often it repeats; without this check, (){1000000000} would not
        // terminate.
        let before = instructions.count
        for _ in 0..<minimum {
            try emit(body)
            if instructions.count == before { return }
        }
        guard let maximum else {
            let split = instructions.count
            try append(.split(split + 1, split + 1))
            try emit(body)
            try append(.jump(split))
            instructions[split] = .split(split + 1, instructions.count)
            return
        }
        var exits: [Int] = []
        for _ in minimum..<maximum {
            exits.append(instructions.count)
            try append(.split(0, 0))
            try emit(body)
        }
        for exit in exits { instructions[exit] = .split(exit + 1, instructions.count) }
    }
}

/// Simulates the NFA of a pattern: all threads advance together, one character at a time.
struct PatternMatcher {
    private let text: [Unicode.Scalar]
    /// The maximum number of executed instructions.
    private let maxSteps: Int
    private(set) var steps = 0

    init(text: String, maxSteps: Int) {
        self.text = Array(text.unicodeScalars)
        self.maxSteps = maxSteps
    }

    /// Whether the pattern occurs in the text; nil if the limit of steps was reached.
    mutating func occurs(_ program: PatternProgram) -> Bool? {
        let found = run(program, from: 0, isSearch: true)
        return steps > maxSteps ? nil : found
    }

    /// A set of program counters, each at most once.
    private struct Threads {
        var places: [Int] = []
        private var marks: [Int]
        private var round = 0

        init(size: Int) {
            marks = Array(repeating: 0, count: size)
            round = 1
        }

        mutating func insert(_ place: Int) -> Bool {
            guard marks[place] != round else { return false }
            marks[place] = round
            return true
        }

        mutating func clear() {
            places.removeAll(keepingCapacity: true)
            round += 1
        }
    }

    /// Whether a match begins at `start`, or in a search anywhere after it.
    private mutating func run(_ program: PatternProgram, from start: Int, isSearch: Bool) -> Bool {
        // Allocating the visited set of a large program counts as work.
        steps += program.instructions.count / 16
        var current = Threads(size: program.instructions.count)
        var next = Threads(size: program.instructions.count)
        var position = start
        let step = program.direction == .forward ? 1 : -1
        while true {
            if position == start || isSearch && !program.isAnchored {
                if follow(0, at: position, program, &current) { return true }
            }
            let place = program.direction == .forward ? position : position - 1
            guard text.indices.contains(place), steps <= maxSteps else { return false }
            if current.places.isEmpty, !isSearch || program.isAnchored { return false }
            let scalar = text[place]
            steps += current.places.count + 1
            for thread in current.places where accepts(program.instructions[thread], scalar) {
                if follow(thread + 1, at: position + step, program, &next) { return true }
            }
            swap(&current, &next)
            next.clear()
            position += step
        }
    }

    private func accepts(_ instruction: PatternProgram.Instruction, _ scalar: Unicode.Scalar) -> Bool {
        switch instruction {
        case .scalar(let wanted): wanted == scalar
        case .set(let set): set.contains(scalar)
        default: false
        }
    }

    /// Adds the epsilon closure of `start`; true if it contains the end of the pattern.
    private mutating func follow(
        _ start: Int, at position: Int, _ program: PatternProgram, _ threads: inout Threads
    ) -> Bool {
        var open = [start]
        while let place = open.popLast() {
            guard threads.insert(place) else { continue }
            steps += 1
            switch program.instructions[place] {
            case .match: return true
            case .scalar, .set: threads.places.append(place)
            case .jump(let target): open.append(target)
            case .split(let first, let second): open += [second, first]
            case .assertion(let assertion): if holds(assertion, at: position) { open.append(place + 1) }
            case .look(let number):
                guard steps <= maxSteps else { return false }
                let look = program.looks[number]
                if run(look.program, from: position, isSearch: false) != look.isNegated { open.append(place + 1) }
            }
        }
        return false
    }

    private func holds(_ assertion: PatternAssertion, at position: Int) -> Bool {
        switch assertion {
        case .start: position == 0
        case .end: position == text.count
        case .wordBoundary: isWord(position - 1) != isWord(position)
        case .noWordBoundary: isWord(position - 1) == isWord(position)
        }
    }

    private func isWord(_ place: Int) -> Bool {
        text.indices.contains(place) && ScalarSet.words.contains(text[place])
    }
}
