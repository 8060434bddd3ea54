public import LibC

/// An incremental reader of server-sent events: bytes in, events out, nothing else.
///
/// It follows the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream": one byte order mark at the start
/// is dropped, lines end in LF, CR or CRLF, and an event that no blank line ends is given by ``finish(_:)`` alone. The
/// bytes may be split anywhere, also inside a character or between CR and LF; the events are the same. Memory is bounded
/// by ``Limits``.
///
/// It is on the hot path of a chat: inlinable, so that another module's closure is compiled into its loop.
public struct SSEParser: Sendable {
    /// What a stream may make the parser hold.
    public struct Limits: Sendable, Equatable {
        /// The longest line, in bytes without its end. 16 MiB unless told otherwise.
        public var line: Int
        /// The most data of one event, in bytes over all its `data` lines. 16 MiB unless told otherwise.
        public var event: Int

        /// Makes limits, in bytes.
        @inlinable public init(line: Int = 16 << 20, event: Int = 16 << 20) {
            self.line = line
            self.event = event
        }
    }

    /// A limit that the stream went over. The parser must not be fed afterwards.
    @nonexhaustive public enum Failure: Error, Sendable, Equatable {
        /// A line is longer than this many bytes.
        case lineTooLong(limit: Int)
        /// The data of one event is longer than this many bytes.
        case eventTooLarge(limit: Int)
    }

    /// One event.
    public struct Event: Sendable, Equatable {
        /// The event's type: the last `event` field, `message` when there was none.
        public var event: String
        /// The `data` lines, joined by line feeds.
        public var data: String
        /// The last event id known when the event ended.
        public var id: String

        /// Makes an event.
        @inlinable public init(event: String = "message", data: String, id: String = "") {
            self.event = event
            self.data = data
            self.id = id
        }
    }

    /// An event whose data is still the stream's own bytes, so that nothing is copied before it is known what it is.
    public struct RawEvent {
        /// The data as UTF-8. The pointer is valid only inside the closure that receives the event.
        public let data: UnsafeRawBufferPointer
        /// The event's type, `message` when the stream named none.
        public let event: String
        /// The last event id.
        public let id: String

        @inlinable init(data: UnsafeRawBufferPointer, event: String, id: String) {
            self.data = data
            self.event = event
            self.id = id
        }
    }

    /// The id of the last event that ended, as a reconnecting client would send it in `Last-Event-ID`.
    @inlinable public var lastEventID: String { endedID }
    /// The reconnection time the stream asked for, in milliseconds, if it did.
    @inlinable public var retry: Int? { retryTime }

    /// The data of the event that no blank line has ended yet, as far as its lines are complete.
    @inlinable public var unfinishedData: [UInt8] { hasData ? data : [] }

    @usableFromInline let limits: Limits
    @usableFromInline var endedID = ""
    @usableFromInline var retryTime: Int?
    /// The start of a line whose end has not come.
    @usableFromInline var line: [UInt8] = []
    /// The data of the unfinished event, unless it is still a slice of the bytes being fed.
    @usableFromInline var data: [UInt8] = []
    @usableFromInline var hasData = false
    @usableFromInline var eventType = ""
    @usableFromInline var idBuffer = ""
    @usableFromInline var skipLineFeed = false
    /// How many bytes of a byte order mark were seen at the start; 3 or `nil` once the start is behind.
    @usableFromInline var markSeen: Int? = 0

    /// Makes a parser at the start of a stream.
    @inlinable public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Reads more bytes and gives the events they complete.
    /// - Throws: ``Failure`` when a limit is exceeded.
    @inlinable public mutating func feed(_ bytes: some Sequence<UInt8>) throws(Failure) -> [Event] {
        var events: [Event] = []
        let copy = Array(bytes)
        let result: Result<Void, Failure> = copy.withUnsafeBytes { raw in
            Result { () throws(Failure) in
                try feed(raw) {
                    events.append(Event(event: $0.event, data: String(decoding: $0.data, as: UTF8.self), id: $0.id))
                }
            }
        }
        try result.get()
        return events
    }

    /// Reads more bytes and calls `body` with each event they complete, without copying an event that lies in them
    /// whole.
    /// - Throws: ``Failure`` when a limit is exceeded.
    @inlinable public mutating func feed(_ bytes: UnsafeRawBufferPointer, _ body: (RawEvent) -> Void) throws(Failure) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        var position = markSeen == nil ? 0 : skipByteOrderMark(bytes)
        guard position < bytes.count else { return }
        // An event's only data line, as long as it lies in these bytes.
        var slice: Range<Int>?
        // Where the next LF and CR are: found once, so that a stream with only one of them is not searched twice over.
        var nextFeed = -1
        var nextReturn = -1

        while position < bytes.count {
            if skipLineFeed {
                skipLineFeed = false
                if bytes[position] == UInt8(ascii: "\n") {
                    position += 1
                    continue
                }
            }
            if nextFeed < position { nextFeed = Self.find(UInt8(ascii: "\n"), base, position, bytes.count) }
            if nextReturn < position {
                nextReturn = Self.find(UInt8(ascii: "\r"), base, position, min(nextFeed, bytes.count))
            }
            let end = min(nextFeed, nextReturn)
            guard line.count + (end - position) <= limits.line else { throw .lineTooLong(limit: limits.line) }
            if end == bytes.count {
                line.append(contentsOf: bytes[position..<end])
                break
            }
            if nextReturn < nextFeed { skipLineFeed = true }
            if line.isEmpty {
                try process(bytes, position..<end, slice: &slice, mayBorrow: true, body)
            } else {
                line.append(contentsOf: bytes[position..<end])
                try processCarriedLine(outer: bytes, slice: &slice, body)
            }
            position = end + 1
            // The search for CR went only as far as the LF that was known then.
            if nextReturn >= nextFeed { nextReturn = -1 }
        }
        if let slice { data.append(contentsOf: bytes[slice]) }
    }

    /// Calls `body` with the event that the end of the stream left without a blank line or line end, if there is one.
    ///
    /// The standard drops such an event; a reader of bodies that ended as they should may know better.
    /// - Throws: ``Failure`` when a limit is exceeded.
    @inlinable public mutating func finish(_ body: (RawEvent) -> Void) throws(Failure) {
        var slice: Range<Int>?
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        if !line.isEmpty { try processCarriedLine(outer: nothing, slice: &slice, body) }
        dispatch(nothing, &slice, body)
    }

    @inlinable static func find(_ byte: UInt8, _ base: UnsafeRawPointer, _ from: Int, _ to: Int) -> Int {
        guard from < to, let hit = memchr(base + from, Int32(byte), to - from) else { return to }
        return base.distance(to: UnsafeRawPointer(hit))
    }

    @inlinable mutating func skipByteOrderMark(_ bytes: UnsafeRawBufferPointer) -> Int {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var position = 0
        while let seen = markSeen, position < bytes.count {
            if bytes[position] == mark[seen] {
                position += 1
                markSeen = seen == 2 ? nil : seen + 1
            } else {
                line.append(contentsOf: mark[..<seen])
                markSeen = nil
            }
        }
        return position
    }

    @inlinable mutating func processCarriedLine(
        outer: UnsafeRawBufferPointer, slice: inout Range<Int>?, _ body: (RawEvent) -> Void
    ) throws(Failure) {
        if let range = slice {
            data.append(contentsOf: outer[range])
            slice = nil
        }
        // Taken out while it is read; put back empty, with its capacity.
        var carried: [UInt8] = []
        swap(&carried, &line)
        let result: Result<Void, Failure> = carried.withUnsafeBytes { raw in
            Result { () throws(Failure) in
                var none: Range<Int>?
                try process(raw, 0..<raw.count, slice: &none, mayBorrow: false, body)
            }
        }
        carried.removeAll(keepingCapacity: carried.capacity <= 1 << 16)
        swap(&carried, &line)
        try result.get()
    }

    @inlinable mutating func process(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, slice: inout Range<Int>?, mayBorrow: Bool,
        _ body: (RawEvent) -> Void
    ) throws(Failure) {
        if range.isEmpty {
            dispatch(bytes, &slice, body)
            return
        }
        let line = UnsafeRawBufferPointer(rebasing: bytes[range])
        let colon = Self.colon(in: line)
        if colon == 0 { return }
        var value = min(colon + 1, line.count)
        if value < line.count, line[value] == UInt8(ascii: " ") { value += 1 }
        let field = UnsafeRawBufferPointer(rebasing: line[..<colon])

        if Self.isData(line), colon == 4 {
            try appendData(bytes, (range.lowerBound + value)..<range.upperBound, slice: &slice, mayBorrow: mayBorrow)
        } else if field.elementsEqual("event".utf8) {
            eventType = String(decoding: line[value...], as: UTF8.self)
        } else if field.elementsEqual("id".utf8) {
            if !line[value...].contains(0) { idBuffer = String(decoding: line[value...], as: UTF8.self) }
        } else if field.elementsEqual("retry".utf8) {
            let digits = line[value...]
            if !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                retryTime = Int(String(decoding: digits, as: UTF8.self)) ?? retryTime
            }
        }
    }

    /// Where the field name ends. Almost every line is `data:`, so that place is looked at first.
    @inlinable static func colon(in line: UnsafeRawBufferPointer) -> Int {
        if line.count > 4, line[4] == UInt8(ascii: ":"), isData(line) { return 4 }
        return line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
    }

    @inlinable static func isData(_ line: UnsafeRawBufferPointer) -> Bool {
        guard line.count >= 4 else { return false }
        return UInt32(bigEndian: line.loadUnaligned(as: UInt32.self)) == 0x6461_7461
    }

    @inlinable mutating func appendData(
        _ bytes: UnsafeRawBufferPointer, _ value: Range<Int>, slice: inout Range<Int>?, mayBorrow: Bool
    ) throws(Failure) {
        let held = data.count + (slice?.count ?? 0)
        guard held + value.count + (hasData ? 1 : 0) <= limits.event else { throw .eventTooLarge(limit: limits.event) }
        if !hasData, mayBorrow {
            hasData = true
            slice = value
            return
        }
        if let range = slice {
            data.append(contentsOf: bytes[range])
            slice = nil
        }
        if hasData { data.append(UInt8(ascii: "\n")) }
        hasData = true
        data.append(contentsOf: bytes[value])
    }

    @inlinable mutating func dispatch(
        _ bytes: UnsafeRawBufferPointer, _ slice: inout Range<Int>?, _ body: (RawEvent) -> Void
    ) {
        endedID = idBuffer
        defer {
            eventType = ""
            hasData = false
            slice = nil
        }
        guard hasData else { return }
        let type = eventType.isEmpty ? "message" : eventType
        if let slice {
            body(RawEvent(data: UnsafeRawBufferPointer(rebasing: bytes[slice]), event: type, id: endedID))
        } else {
            data.withUnsafeBytes { body(RawEvent(data: $0, event: type, id: endedID)) }
            data.removeAll(keepingCapacity: data.capacity <= 1 << 16)
        }
    }
}
