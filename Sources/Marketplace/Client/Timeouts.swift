extension MarketplaceConfiguration {
    /// How long things may take.
    public struct Timeouts: Sendable, Equatable {
        /// Until a connection stands, waiting for a free one included. 10 s.
        public var connect: Duration
        /// How long nothing at all may be received. Heartbeats count as life; time in which the caller does not take
        /// what has arrived does not count. 90 s.
        public var idle: Duration
        /// The whole call with its repetitions, from the moment it may begin. 30 min.
        public var total: Duration
        /// One request for a token. 30 s.
        public var token: Duration

        /// Makes time-outs: 10 s, 90 s, 30 min and 30 s unless told otherwise.
        public init(
            connect: Duration = .seconds(10), idle: Duration = .seconds(90), total: Duration = .seconds(1800),
            token: Duration = .seconds(30)
        ) {
            self.connect = connect
            self.idle = idle
            self.total = total
            self.token = token
        }
    }

    /// What all calls of one client share.
    public struct Limits: Sendable, Equatable {
        /// How many streams may be open at one time; further calls wait for their turn. 8.
        public var concurrentStreams: Int
        /// How many chat requests may begin in any 60 seconds, repetitions included; `nil` for any number.
        public var requestsPerMinute: Int?

        /// Makes limits: 8 streams, any number of requests unless told otherwise.
        public init(concurrentStreams: Int = 8, requestsPerMinute: Int? = nil) {
            self.concurrentStreams = concurrentStreams
            self.requestsPerMinute = requestsPerMinute
        }
    }
}
