package import RunnelKit

extension RunRecord {
    /// A value that the journal may store apart from the run, and lose.
    package enum Part: String, Sendable, Hashable, CaseIterable { case trigger, inputs, input, output, error }

    /// What the run was started with. Without it, the run can be neither worked on nor retried.
    package static let beginning: [Part] = [.trigger, .inputs, .input]

    /// The error for the first of these values that is lost; nil if there is none.
    package func loss(of parts: [Part]) -> JournalError? { parts.lazy.compactMap { lost[$0] }.first }

    /// Sets a value that is read from the journal. If it is lost, ``lost`` gets the error, and an error message replaces
    /// it.
    ///
    /// - Throws: If the journal cannot be read.
    package mutating func set(_ part: Part, _ read: () throws(JournalError) -> Value?) throws(JournalError) {
        let value: Value?
        do throws(JournalError) {
            value = try read()
        } catch  where error.code == .corrupt {
            var loss = error.ofOneRun
            if Self.beginning.contains(part) {
                loss.hint = "the run cannot be retried without it; put it back from a backup of the journal"
            }
            lost[part] = loss
            switch part {
            case .trigger, .inputs: value = ["lost": loss.standIn]
            case .input, .output: value = loss.standIn
            case .error: value = loss.lostError
            }
        }
        switch part {
        case .trigger: trigger = value ?? .null
        case .inputs: inputs = value?.asObject ?? [:]
        case .input: input = value ?? .null
        case .output: output = value
        case .error: self.error = value
        }
    }
}

extension StepRecord {
    /// Sets a value that is read from the journal, as ``RunRecord/set(_:_:)`` does.
    package mutating func set(
        _ part: WritableKeyPath<StepRecord, Value?>, _ read: () throws(JournalError) -> Value?
    ) throws(JournalError) {
        do throws(JournalError) {
            self[keyPath: part] = try read()
        } catch  where error.code == .corrupt {
            let loss = error.ofOneRun
            lost = loss
            self[keyPath: part] = part == \StepRecord.error ? loss.lostError : loss.standIn
        }
    }
}

extension JournalError {
    fileprivate var ofOneRun: JournalError {
        var error = self
        error.isOfOneRun = true
        return error
    }

    fileprivate var standIn: Value { .string("this value is lost: \(message)") }

    /// As ``RunError/json``.
    fileprivate var lostError: Value { RunError(code, "the error is lost: \(message)").json }
}
