internal import Logging
internal import RunnelKit

/// Turns one file into one event.
struct FileTaker: Sendable {
    let reader: FileReader
    let context: TriggerContext
    let inbox: Inbox<WatchMessage>
    /// Whether the file waits for its run's end.
    let follows: Bool

    func take(_ path: FilePath, _ status: FileStatus, known: String?) async throws {
        let result: TakeResult
        var problem: String?
        switch try await reader.read(path, expected: status) {
        case .read(let status, let hash):
            if hash == known {
                result = .unchanged(status)
            } else {
                result = try await emit(path, LedgerEntry(status: status, hash: hash, isPending: follows))
            }
        case .changed(let status): result = .changed(status)
        case .gone: result = .gone
        case .notRegular: result = .unreadable
        case .failed(let failure):
            problem = "cannot read \"\(path.text)\": \(failure.reason); it is tried again when it changes"
            result = .unreadable
            if failure.isShortage {
                // It says nothing about the file.
                inbox.post(.problem(.file(path.text), "cannot read \"\(path.text)\": \(failure.reason)"))
                try await context.clock.sleep(for: .seconds(1))
                inbox.post(.taken(path, .changed(status), problem: nil))
                return
            }
        }
        inbox.post(.taken(path, result, problem: problem))
    }

    func resume(_ path: FilePath, _ entry: LedgerEntry) async throws {
        inbox.post(.taken(path, try await emit(path, entry), problem: nil))
    }

    /// Tries until the event is accepted.
    private func emit(_ path: FilePath, _ entry: LedgerEntry) async throws -> TakeResult {
        let event = FileEvent(path: path, entry: entry).event
        var wasRefused = false
        while true {
            try Task.checkCancellation()
            do throws(TriggerRefusal) {
                let acceptance = try await context.emit(event)
                if case .duplicate(let run) = acceptance {
                    context.logger.info("the same content of \"\(path.text)\" had started the run \(run)")
                }
                if wasRefused { inbox.post(.cleared(.emission)) }
                return .emitted(run: acceptance.runID, entry)
            } catch {
                if error.reason == .journal {
                    wasRefused = true
                    inbox.post(.problem(.emission, "no run can be started for \"\(path.text)\": \(error.message)"))
                }
                try await context.clock.sleep(for: error.retryAfter)
            }
        }
    }
}
