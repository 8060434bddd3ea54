/// The embedded simulator as the Marketplace client sees it.
struct SimulatedMarketplace: Sendable {
    let baseURL: String
    let clientID: String
    let clientSecret: String
    let agentID: String
}
