/// Decides when an exchange has taken too long.
struct Watchdog {
    var timeouts: MarketplaceConfiguration.Timeouts
    /// When the whole call must be over.
    var deadline: Duration
    var url: String

    enum Verdict {
        case sleep(Duration)
        case expired(MarketplaceError)
    }

    /// Who does not wait for events cannot be kept waiting: then only the end of the whole call counts.
    func check(_ vitals: EventBuffer.Vitals, now: Duration) -> Verdict {
        if now >= deadline {
            return .expired(TransportFailure.totalTimeout(timeouts.total))
        }
        let left: Duration
        switch vitals.phase {
        case .connecting:
            left = vitals.alive + timeouts.connect - now
            if left <= .zero {
                return .expired(TransportFailure.connectTimeout(url, timeouts.connect))
            }
            return .sleep(min(left, timeouts.idle, deadline - now))
        case .connected, .answered:
            left = vitals.isAwaited ? vitals.alive + timeouts.idle - now : timeouts.idle
            if left <= .zero {
                return .expired(TransportFailure.idleTimeout(timeouts.idle))
            }
            return .sleep(min(left, deadline - now))
        }
    }
}
