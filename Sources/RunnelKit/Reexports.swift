// Authors of plugins get `Value` and JSON with RunnelKit itself.
@_exported public import RunnelValue

// For triggers that answer with server-sent events.
@_exported public import enum RunnelSupport.SSEWriter
