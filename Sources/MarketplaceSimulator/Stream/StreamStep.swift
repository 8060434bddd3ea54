/// One thing that happens on a stream, in order. The stream's body ends after the last one.
enum StreamStep: Sendable, Equatable {
    case send(String)
    case pause(Duration)
    /// For ever; with a heartbeat each time that long has passed, nil for silence.
    case stall(heartbeat: Duration?)
    /// The connection is reset.
    case reset
}
