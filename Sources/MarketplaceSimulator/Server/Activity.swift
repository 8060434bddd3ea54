/// What has happened on the server so far.
struct Activity: Sendable {
    /// The most recent requests, within bounds on number and size.
    struct Log: Sendable {
        private static let mostRequests = 2_000
        private static let mostBytes = 16 * 1_048_576

        private(set) var requests: [RecordedRequest] = []
        private(set) var total = 0
        private var bytes = 0

        mutating func append(_ request: RecordedRequest) {
            total += 1
            bytes += request.body.utf8.count
            requests.append(request)
            while requests.count > Self.mostRequests || bytes > Self.mostBytes, requests.count > 1 {
                bytes -= requests.removeFirst().body.utf8.count
            }
        }
    }

    var token = Log()
    var chat = Log()
    /// Streams whose body is being sent.
    var openStreams = 0
}
