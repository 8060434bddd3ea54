/// Names a thing that all steps share, such as an HTTP client, and says its type.
public protocol ServiceKey {
    /// The type of the service.
    associatedtype Service: Sendable
    /// For errors: "the Marketplace client".
    static var name: String { get }
}

/// The things that all steps share: each made when it is first asked for, and shut down with the worker.
public actor Services {
    private struct Recipe {
        let make: (isolated Services) throws -> any Sendable
        let shutDown: @Sendable (any Sendable) async -> Void
    }

    private var recipes: [ObjectIdentifier: Recipe] = [
        ObjectIdentifier(HTTPIngress.self): Recipe(make: { _ in HTTPIngress() }) { ($0 as? HTTPIngress)?.shutDown() },
        ObjectIdentifier(HealthBoard.self): Recipe(make: { _ in HealthBoard() }) { _ in },
    ]
    private var made: [(key: ObjectIdentifier, service: any Sendable)] = []
    private var making: Set<ObjectIdentifier> = []
    private var isShutDown = false

    /// The folder in which plugins may keep files that they can make again, each under a name that begins with the
    /// plugin's; absolute. nil where nothing is kept. It exists once one has made it; the folder above it does.
    public nonisolated let cacheFolder: String?

    /// No services yet.
    public init(cacheFolder: String? = nil) {
        self.cacheFolder = cacheFolder
    }

    /// Says how the service is made and ended. `make` may ask for other services.
    public func register<Key: ServiceKey>(
        _ key: Key.Type,
        shutDown: @escaping @Sendable (Key.Service) async -> Void = { _ in },
        make: @escaping @Sendable (isolated Services) throws -> Key.Service
    ) {
        recipes[ObjectIdentifier(key)] = Recipe(make: make) { service in
            if let service = service as? Key.Service { await shutDown(service) }
        }
    }

    /// The service; made now if this is the first call for it.
    public func get<Key: ServiceKey>(_ key: Key.Type) throws -> Key.Service {
        let id = ObjectIdentifier(key)
        if let service = made.first(where: { $0.key == id })?.service as? Key.Service { return service }
        guard !isShutDown else {
            throw StepError(
                StepErrorCode.shuttingDown, "\(Key.name) is not available any more: Runnel is shutting down")
        }
        guard making.insert(id).inserted else {
            throw StepError(StepErrorCode.serviceCycle, "\(Key.name) cannot be made: making it needs itself")
        }
        defer { making.remove(id) }
        guard let recipe = recipes[id], let service = try recipe.make(self) as? Key.Service else {
            throw StepError(.noSuchService, "\(Key.name) is not available here")
        }
        made.append((id, service))
        return service
    }

    /// Ends all services, the latest first. Afterwards none can be had.
    public func shutDown() async {
        isShutDown = true
        while let (key, service) = made.popLast() {
            await recipes[key]?.shutDown(service)
        }
    }
}
