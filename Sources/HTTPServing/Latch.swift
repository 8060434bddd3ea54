internal import RunnelSupport

/// A condition that becomes true once, for any number of tasks that wait for it.
package final class Latch: Sendable {
    private let state = Watched(false)

    package init() {}

    package var isOpen: Bool { state.value }

    /// Resumes all waiters, present and future. A second call has no effect.
    package func open() {
        state.update { $0 = true }
    }

    /// Returns once the latch is open or the task is cancelled.
    package func wait() async {
        try? await state.wait { $0 }
    }
}
