// Authors of plugins get `Value` and JSON with RunnelKit itself.
@_exported public import RunnelValue
