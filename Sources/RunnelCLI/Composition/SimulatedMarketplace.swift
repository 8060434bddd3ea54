import RunnelKit

/// The address and credentials of the embedded simulator.
typealias SimulatedMarketplace = AgentStandIn
