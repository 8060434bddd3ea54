/// Which members of an object or elements of a list some schema has looked at: what `unevaluatedProperties` and
/// `unevaluatedItems` need to know (JSON Schema 2020-12 core, section 11).
struct Evaluated {
    /// Looked at for certain.
    private(set) var certain = Members()
    /// Looked at if what is unknown turns out so.
    private(set) var possible = Members()

    struct Members {
        var keys: Set<String> = []
        /// All elements before this index.
        var prefix = 0
        /// Elements one by one, from `contains`.
        var indices: Set<Int> = []

        mutating func formUnion(_ other: Members) {
            if !other.keys.isEmpty { keys.formUnion(other.keys) }
            if !other.indices.isEmpty { indices.formUnion(other.indices) }
            prefix = max(prefix, other.prefix)
        }
    }

    mutating func insert(key: String) {
        certain.keys.insert(key)
    }

    mutating func insert(index: Int, as verdict: Verdict) {
        switch verdict {
        case .valid: certain.indices.insert(index)
        case .unknown: possible.indices.insert(index)
        case .invalid: break
        }
    }

    mutating func insert(prefix: Int) {
        certain.prefix = max(certain.prefix, prefix)
    }

    /// Takes over what a schema at the same place looked at, given its verdict.
    mutating func merge(_ other: Evaluated, as verdict: Verdict) {
        if verdict == .valid {
            certain.formUnion(other.certain)
        } else {
            possible.formUnion(other.certain)
        }
        possible.formUnion(other.possible)
    }

    /// Whether `key` was looked at.
    func contains(key: String) -> Verdict {
        certain.keys.contains(key) ? .valid : possible.keys.contains(key) ? .unknown : .invalid
    }

    /// Whether the element at `index` was looked at.
    func contains(index: Int) -> Verdict {
        if index < certain.prefix || certain.indices.contains(index) { return .valid }
        return index < possible.prefix || possible.indices.contains(index) ? .unknown : .invalid
    }
}
