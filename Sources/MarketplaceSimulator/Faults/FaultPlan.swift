internal import RunnelSupport

/// Which fault applies to which request.
public enum FaultPlan: Sendable, Equatable {
    /// Nothing goes wrong.
    case none
    /// One fault for all requests. A fault that is over after some requests (`unauthorized-once`, `rate-limited`, …)
    /// befalls only the first ones.
    case every(Fault)
    /// One entry for each request in turn, nil for none; afterwards nothing goes wrong. Token requests take the faults
    /// `token-rejected` and `token-expires-early`, chat requests all other entries.
    case each([Fault?])

    /// A plan as a person writes it: `cut-off` for all requests, `rate-limited,none,cut-off` for one request each.
    ///
    /// - Throws: `SimulatorError` with the code `unknown-fault`.
    public init(parsing text: String) throws(SimulatorError) {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed) }
        var faults: [Fault?] = []
        for name in names { faults.append(name == "none" ? nil : try Fault(named: name)) }
        if faults.count > 1 {
            self = .each(faults)
        } else if let fault = faults.first ?? nil {
            self = .every(fault)
        } else {
            self = .none
        }
    }
}
