/// One part of a ``Glob``: what a single name has to look like.
struct NamePattern: Sendable, Hashable {
    private enum Element: Sendable, Hashable {
        case literal(Unicode.Scalar)
        case any
        case star
        case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .literal(let literal): literal == scalar
            case .any: true
            case .star: false
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
            }
        }
    }

    /// Whether it is `**`: any number of folders.
    let isAnyFolders: Bool
    private let elements: [Element]

    /// nil for a `[` without its `]`.
    init?(_ text: String) {
        isAnyFolders = text == "**"
        var elements: [Element] = []
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": elements.append(.star)
            case "?": elements.append(.any)
            case "[":
                guard let set = Self.set(&rest) else { return nil }
                elements.append(set)
            default: elements.append(.literal(scalar))
            }
        }
        self.elements = elements
    }

    /// Reads behind the `[`. A `]` that comes first stands for itself.
    private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> Element? {
        var isNegated = false
        if rest.first == "!" || rest.first == "^" {
            isNegated = true
            rest.removeFirst()
        }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let scalar = rest.popFirst() {
            if scalar == "]", !ranges.isEmpty { return .set(ranges, isNegated: isNegated) }
            if rest.first == "-", let end = rest.dropFirst().first, end != "]", scalar <= end {
                rest.removeFirst(2)
                ranges.append(scalar...end)
            } else {
                ranges.append(scalar...scalar)
            }
        }
        return nil
    }

    /// The last star is the only one that has to be tried again, so the work is at most pattern times name.
    func matches(_ name: [Unicode.Scalar]) -> Bool {
        var (element, scalar) = (0, 0)
        var retry: (element: Int, scalar: Int)?
        while scalar < name.count {
            if element < elements.count, elements[element] == .star {
                retry = (element + 1, scalar)
                element += 1
            } else if element < elements.count, elements[element].matches(name[scalar]) {
                element += 1
                scalar += 1
            } else if let mark = retry {
                retry = (mark.element, mark.scalar + 1)
                (element, scalar) = (mark.element, mark.scalar + 1)
            } else {
                return false
            }
        }
        return elements[element...].allSatisfy { $0 == .star }
    }
}
