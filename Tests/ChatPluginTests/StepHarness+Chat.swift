import AsyncHTTPClient
import Marketplace
import RunnelKit
import RunnelTesting

@testable import ChatPlugin

extension StepHarness {
    /// Runs the step with a Marketplace client of its own, and shuts the client down.
    func chat(
        _ settings: MarketplaceConfiguration, _ section: MarketplaceSettings = MarketplaceSettings(),
        isSimulated: Bool = false, with: ValueObject
    ) async throws -> Result<Value, StepError> {
        await MarketplaceService.register(in: services) { _ in
            let http = HTTPClient(configuration: settings.httpClientConfiguration)
            return .init(
                client: MarketplaceClient(configuration: settings, httpClient: http), httpClient: http,
                settings: section, isSimulated: isSimulated)
        }
        let result: Result<Value, StepError>
        do {
            result = .success(try await run(Chat.self, with: with))
        } catch let error as StepError {
            result = .failure(error)
        } catch {
            await services.shutDown()
            throw error
        }
        await services.shutDown()
        return result
    }
}

extension MarketplaceService.Service {
    /// A client of its own.
    convenience init(_ settings: MarketplaceConfiguration) throws {
        let http = HTTPClient(configuration: settings.httpClientConfiguration)
        self.init(client: MarketplaceClient(configuration: settings, httpClient: http), httpClient: http)
    }
}
