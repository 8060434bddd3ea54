/// What a check says of a value that may be known only in part.
enum Verdict {
    case valid
    case invalid
    /// It depends on what is not known yet.
    case unknown

    /// What two checks say together when both have to hold.
    func and(_ other: Verdict) -> Verdict {
        switch (self, other) {
        case (.invalid, _), (_, .invalid): .invalid
        case (.unknown, _), (_, .unknown): .unknown
        case (.valid, .valid): .valid
        }
    }

    var negated: Verdict {
        switch self {
        case .valid: .invalid
        case .invalid: .valid
        case .unknown: .unknown
        }
    }

    init(_ holds: Bool) {
        self = holds ? .valid : .invalid
    }
}
