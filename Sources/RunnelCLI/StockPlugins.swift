import ChatPlugin
import FilePlugin
import HTTPPlugin
import LogPlugin
public import RunnelKit
import SchedulePlugin
import TemplatePlugin
import TransformPlugin
import WatchPlugin
import WebhookPlugin

/// All plugins that ship with Runnel.
public enum StockPlugins {
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
            LogPlugin(),
        ]
    }
}
