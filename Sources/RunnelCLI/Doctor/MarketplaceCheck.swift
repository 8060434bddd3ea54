import AsyncHTTPClient
import Marketplace
import RunnelEngine
import RunnelKit

/// Whether the Marketplace can be reached and takes the credentials.
enum MarketplaceCheck {
    /// - Parameter isOffline: Only the settings are looked at.
    static func findings(_ project: Project, simulator: SimulatedMarketplace?, isOffline: Bool) async -> [Finding] {
        let configuration: MarketplaceConfiguration
        do {
            configuration = try MarketplaceSetup(project, simulator: simulator).configuration()
        } catch {
            let error = error as? StepError
            return [
                .warning(
                    "marketplace", error?.message ?? "it is not set up",
                    error?.hint ?? "`chat` steps need it; everything else works without")
            ]
        }
        let shown = configuration.baseURL
        guard !isOffline else { return [.good("marketplace", "\(shown) is set up; it was not asked")] }
        let httpClient = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
        let findings: [Finding]
        do throws(MarketplaceError) {
            try await MarketplaceClient(configuration: configuration, httpClient: httpClient).authenticate()
            findings = [
                project.settings.marketplace.auth == .clientCredentials || simulator != nil
                    ? .good("marketplace", "\(shown) takes the credentials")
                    : .good("marketplace", "\(shown) is set up; a fixed token is tried by the first chat")
            ]
        } catch {
            findings = [.problem("marketplace", error.message, error.hint)]
        }
        try? await httpClient.shutdown()
        return findings
    }
}
