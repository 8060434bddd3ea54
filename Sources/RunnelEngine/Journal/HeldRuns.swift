public import RunnelKit

/// The runs that need the files of a machine without an active worker: none is running there, or all are drained.
public struct HeldRuns: Sendable, Hashable {
    /// The name of the machine.
    public var machine: String
    /// The number of queued runs.
    public var queued: Int
    /// The number of ended retries whose trigger has not been notified; see ``Journal/endedRetries(after:limit:)``.
    public var retries: Int
    /// Whether the machine has a worker, which is drained.
    public var isDrained: Bool

    /// The runs that wait for a machine; see the properties.
    public init(machine: String, queued: Int, retries: Int, isDrained: Bool) {
        (self.machine, self.queued, self.retries, self.isDrained) = (machine, queued, retries, isDrained)
    }

    /// What waits for the machine, and how long, in a sentence.
    public var message: String {
        let name = "the machine \(Value.string(machine).quoted())"
        var parts: [String] = []
        if queued > 0 {
            parts.append(
                "\(queued) queued run\(queued == 1 ? " waits" : "s wait") for \(name), "
                    + (isDrained
                        ? "whose worker is drained"
                        : "which has no worker; ten minutes after its last worker left, another machine takes over"))
        }
        if retries > 0 {
            let (files, runs, their) =
                retries == 1
                ? ("file of 1 ended retry is", "retry", "its")
                : ("files of \(retries) ended retries are", "retries", "their")
            parts.append(
                "the \(files) moved once a worker runs on \(name); "
                    + "retention removes the \(runs) 30 days after \(their) end")
        }
        return parts.joined(separator: "; ")
    }

    /// What to do about it.
    public var hint: String {
        isDrained
            ? "`runnel workers undrain \(machine)`, or `runnel runs cancel` for runs that are not needed any more"
            : "start Runnel there, or set `journal.machine: \(machine)` on the machine that has its files now"
    }

    /// As the API shows it.
    public var json: Value {
        [
            "machine": .string(machine), "queued": .int(Int64(queued)), "retries": .int(Int64(retries)),
            "problem": .string(message),
        ]
    }
}
