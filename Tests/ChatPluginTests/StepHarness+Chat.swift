import AsyncHTTPClient
import Marketplace
import RunnelKit
import RunnelTesting

@testable import ChatPlugin

extension StepHarness {
    /// Runs the step with a Marketplace client of its own, and shuts the client down.
    func chat(_ settings: MarketplaceConfiguration, with: ValueObject) async throws -> Result<Value, StepError> {
        await MarketplaceService.register(in: services) { _ in
            let http = HTTPClient(configuration: settings.httpClientConfiguration)
            return .init(client: MarketplaceClient(configuration: settings, httpClient: http), httpClient: http)
        }
        let result: Result<Value, StepError>
        do {
            result = .success(try await run(Chat.self, with: with))
        } catch let error as StepError {
            result = .failure(error)
        }
        await services.shutDown()
        return result
    }
}
