public import RunnelKit

/// What an API token allows. Each includes those before it.
public enum AccessScope: String, FieldChoice, Sendable, Comparable {
    /// Looking at pipelines and runs.
    case read
    /// Starting, retrying and cancelling runs.
    case run
    /// Everything: triggers, the audit log and the configuration.
    case admin

    private var rank: Int {
        switch self {
        case .read: 0
        case .run: 1
        case .admin: 2
        }
    }

    public static func < (one: AccessScope, other: AccessScope) -> Bool { one.rank < other.rank }
}

/// `server.tokens.NAME` in `runnel.yaml`.
public struct APITokenSettings: FieldGroup {
    public init() {}

    @Field("The token: `Authorization: Bearer …`.") public var token: SensitiveValue
    @Field("`read` looks, `run` also starts, retries and cancels runs, `admin` does everything.")
    public var scope: AccessScope = .run
}

/// An API token with its name.
public struct APIToken: Sendable, Hashable {
    public var name: String
    public var value: String
    public var scope: AccessScope

    public init(name: String, value: String, scope: AccessScope) {
        self.name = name
        self.value = value
        self.scope = scope
    }

    /// The name of the token of `server.token`, which may do everything.
    public static let unnamed = "token"
}
