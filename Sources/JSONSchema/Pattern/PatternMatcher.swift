/// Follows all ways through a pattern at once, one character of the text after the other.
struct PatternMatcher {
    private let text: [Unicode.Scalar]
    /// Instructions looked at before the matcher gives up.
    private let maxSteps: Int
    private(set) var steps = 0

    init(text: String, maxSteps: Int) {
        self.text = Array(text.unicodeScalars)
        self.maxSteps = maxSteps
    }

    /// Whether the pattern occurs in the text; nil when the steps did not suffice.
    mutating func occurs(_ program: PatternProgram) -> Bool? {
        let found = run(program, from: 0, isSearch: true)
        return steps > maxSteps ? nil : found
    }

    /// The places in a program to go on from, each once.
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
        // Making room for the marks of a large program is work too.
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

    /// Adds what can be reached from `start` without reading a character; true when the end of the pattern can.
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
