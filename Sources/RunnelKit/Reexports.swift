// Authors of plugins get `Value` and JSON with RunnelKit itself.
@_exported public import RunnelValue

// For triggers that answer with a stream of events.
@_exported public import enum RunnelSupport.SSEWriter
