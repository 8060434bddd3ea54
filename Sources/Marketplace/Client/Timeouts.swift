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
        /// The longest line of a stream and the largest server-sent event, in bytes. 16 MiB.
        public var maxEvent: Int
        /// The most text of one answer, reasoning included, in bytes. 64 MiB.
        public var maxAnswer: Int

        /// Makes limits: 8 streams, any number of requests, events of 16 MiB and answers of 64 MiB unless told
        /// otherwise.
        public init(
            concurrentStreams: Int = 8, requestsPerMinute: Int? = nil, maxEvent: Int = 16 << 20,
            maxAnswer: Int = 64 << 20
        ) {
            self.concurrentStreams = concurrentStreams
            self.requestsPerMinute = requestsPerMinute
            self.maxEvent = maxEvent
            self.maxAnswer = maxAnswer
        }
    }

    /// What ends the stream of a whole answer. Anything else that ends it is `stream-cut-off`.
    public enum StreamEnd: String, Sendable, CaseIterable {
        /// `[DONE]` alone, as the Marketplace API has it.
        case done
        /// A finish reason. What is already on its way behind it, such as the usage, is waited for up to a second.
        case finish
        /// `[DONE]`, or the end of the body behind a finish reason, where the body ended as HTTP has it.
        case either
    }
}
