/// A regular expression as instructions for ``PatternMatcher``.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        case scalar(Unicode.Scalar)
        case set(ScalarSet)
        /// Go on at both places.
        case split(Int, Int)
        case jump(Int)
        case assertion(PatternAssertion)
        /// Go on when the look-around of this number holds.
        case look(Int)
        case match
    }

    struct Look: Sendable {
        let program: PatternProgram
        let isNegated: Bool
    }

    /// How many instructions a pattern may take; counts such as `{1000}` are written out.
    static let maxSize = 100_000

    private(set) var instructions: [Instruction] = []
    private(set) var looks: [Look] = []
    let direction: PatternDirection

    init(_ node: PatternNode, direction: PatternDirection) throws(PatternError) {
        self.direction = direction
        try emit(node)
        try append(.match)
    }

    /// Whether a match can begin at the start of the text only.
    var isAnchored: Bool {
        if case .assertion(.start) = instructions[0] { true } else { false }
    }

    private mutating func append(_ instruction: Instruction) throws(PatternError) {
        guard instructions.count < Self.maxSize else {
            throw PatternError(message: "it is too large: its counts are too high")
        }
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
            let program = try PatternProgram(body, direction: direction)
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
        // An empty body repeats to nothing, however often: without this, (){1000000000} would not end.
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
