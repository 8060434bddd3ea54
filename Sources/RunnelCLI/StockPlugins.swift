import ChatPlugin
import FilePlugin
import HTTPPlugin
import LogPlugin
import RunPlugin
public import RunnelKit
import RunnelProcess
import SchedulePlugin
import ShellPlugin
import TemplatePlugin
import TransformPlugin
import WatchPlugin
import WebhookPlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// All plugins that ship with Runnel.
public enum StockPlugins {
    /// One of each.
    public static var all: [any Plugin] {
        [
            FilePlugin(),
            HTTPPlugin(),
            TemplatePlugin(),
            ChatPlugin(),
            TransformPlugin(),
            SchedulePlugin(),
            WatchPlugin(),
            WebhookPlugin(),
            RunPlugin(),
            ShellPlugin(),
            ProgramsPlugin(variables: ProcessInfo.processInfo.environment),
            LogPlugin(),
        ]
    }
}
