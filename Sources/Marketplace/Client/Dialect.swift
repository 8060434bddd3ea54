internal import RunnelSupport

extension MarketplaceConfiguration {
    /// How a server's API differs from others. The vendor calls some names conceptual, so none of them is fixed.
    public struct Dialect: Sendable, Equatable {
        /// When the server is asked to say how many tokens a chat used (`stream_options.include_usage`).
        @nonexhaustive public enum UsageRequest: String, Sendable, CaseIterable {
            /// Until the server refuses a request of the model because of it. As long as it has taken none of that model,
            /// each request that it does not accept (400, 422) is made once more without.
            case auto
            /// Always.
            case always
            /// Never. What the server says by itself is still read.
            case never
        }

        /// The body's key for the conversation that a request continues.
        public var conversationKey: String
        /// When the server is asked for the usage.
        public var usage: UsageRequest
        /// Where a running answer is taken up again after its stream broke; `nil` where the server has no such place.
        public var reconnect: Endpoint?
        /// Where the server is told that an answer is wanted no more; `nil` where it has no such place.
        public var cancel: Endpoint?
        /// Where files are sent before a chat names them; `nil` where the server has no such place.
        public var upload: Endpoint?

        /// Makes a dialect: `conversationId`, `auto` and no further places unless told otherwise.
        public init(
            conversationKey: String = "conversationId", usage: UsageRequest = .auto, reconnect: Endpoint? = nil,
            cancel: Endpoint? = nil, upload: Endpoint? = nil
        ) {
            self.conversationKey = conversationKey
            self.usage = usage
            self.reconnect = reconnect
            self.cancel = cancel
            self.upload = upload
        }
    }

    /// A place of the API: a method and a path, in which `{conversation_id}` and `{message_id}` stand for the ids.
    public struct Endpoint: Sendable, Equatable {
        /// `GET`, `POST`, `PUT` or `DELETE`.
        public let method: String
        /// Below the base URL; it begins with a slash.
        public let path: String

        private static let methods = ["GET", "POST", "PUT", "DELETE"]
        private static let names = ["{conversation_id}", "{message_id}"]

        /// Reads `/path` or `METHOD /path`.
        /// - Throws: ``MarketplaceError`` with the code `invalid-configuration`.
        public init(_ text: String, method: String) throws(MarketplaceError) {
            let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
            let hasMethod = parts.count == 2
            let path = parts.last ?? ""
            var plain = path
            for name in Self.names { plain = plain.replacing(name, with: "") }
            guard !hasMethod || Self.methods.contains(parts[0]), path.hasPrefix("/"),
                plain.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x7B && $0 != 0x7D })
            else {
                throw MarketplaceError(
                    .invalidConfiguration, "the path \(Quote.quoted(text)) cannot be used",
                    hint: "it begins with a slash, perhaps behind a method, and may hold {conversation_id} and "
                        + "{message_id}, for example \"POST /api/v1/chat/{conversation_id}/cancel\"")
            }
            self.method = hasMethod ? parts[0] : method
            self.path = path
        }

        /// The path with the ids in their places; `nil` where one is missing.
        func path(_ ids: MessageInfo) -> String? {
            var path = path
            for (name, id) in zip(Self.names, [ids.conversationID, ids.messageID]) where path.contains(name) {
                guard let id, !id.isEmpty else { return nil }
                path = path.replacing(name, with: PercentEncoding.encode(id, allowed: PercentEncoding.unreserved))
            }
            return path
        }
    }
}
