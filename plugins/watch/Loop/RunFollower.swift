internal import RunnelKit

/// Waits for runs to end, and moves or deletes their files.
struct RunFollower: Sendable {
    let settings: WatchSettings
    let mover: FileMover
    let context: TriggerContext
    let inbox: Inbox<WatchMessage>

    private static let maximumPause = Duration.seconds(60)

    func follow(_ path: FilePath, run: String) async throws {
        var pause = Duration.seconds(1)
        while true {
            do {
                inbox.post(.ended(path, run: run, try await context.end(of: run)))
                return
            } catch let error as StepError where error.code == "no-such-run" {
                inbox.post(.ended(path, run: run, nil))
                return
            } catch let error as StepError {
                inbox.post(.problem(.file(path.text), "cannot follow the run of \"\(path.text)\": \(error.message)"))
            }
            try await context.clock.sleep(for: pause)
            pause = min(pause * 2, Self.maximumPause)
        }
    }

    func finish(_ path: FilePath, _ status: FileStatus, run: String, _ end: RunEnd) {
        let (result, problem) = finish(path, status, run, end)
        inbox.post(.finished(path, run: run, result, problem: problem))
    }

    private func finish(
        _ path: FilePath, _ status: FileStatus, _ run: String, _ end: RunEnd
    ) -> (FinishResult, problem: String?) {
        let action: String
        do throws(FileMover.Failure) {
            switch (end, settings.after) {
            case (.succeeded, .keep): return (.done, nil)
            case (.succeeded, .delete):
                action = "delete \"\(path.text)\""
                return (try mover.delete(path, status, id: run), nil)
            case (.succeeded, .move):
                action = "move \"\(path.text)\" to \"\(settings.done.shown)\""
                return (try mover.move(path, status, from: settings.root, to: settings.done), nil)
            case (.failed, _), (.cancelled, _):
                action = "move \"\(path.text)\" to \"\(settings.failed.shown)\""
                let note = FailureNote(file: path, run: run, end: end, time: context.now())
                let result = try mover.move(
                    path, status, from: settings.root, to: settings.failed, note: note.text)
                return (result, nil)
            }
        } catch {
            return (.failed, "cannot \(action): \(error.system.reason); the file stays where it is")
        }
    }
}
