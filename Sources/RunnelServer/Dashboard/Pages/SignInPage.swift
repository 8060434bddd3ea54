import HTTPTypes
import Hummingbird

/// Asks for the access token.
struct SignInPage {
    let context: PageContext
    /// Where to go afterwards.
    let to: String?
    var isWrong = false

    func html() -> String {
        let words = context.words
        return PageFrame(context: context, title: words(.signInTitle)).html { html in
            html.element("section", .class("sheet sign-in"), .labelled(by: "sign-in-title")) { html in
                html.element("h1", .id("sign-in-title"), text: words(.signInTitle))
                if isWrong {
                    html.element("div", .class("problem"), .role("alert")) { html in
                        html.element("p", text: words(.signInWrong))
                    }
                }
                html.element("form", .class("stack"), .plain("method", "post"), .action(Link("sign-in"))) { html in
                    if let to { html.hidden("to", to) }
                    html.element("label", .for("token"), text: words(.signInToken))
                    html.void(
                        "input", .id("token"), .name("token"), .plain("type", "password"), .flag("required"),
                        .plain("autocomplete", "current-password"), .plain("aria-describedby", "token-help"))
                    html.element("p", .id("token-help"), .class("soft")) { $0.marked(words(.signInHelp)) }
                    html.element("button", .class("first"), text: words(.signIn))
                }
            }
        }
    }
}

/// A client-side redirect to another page of this server.
///
/// Browsers omit `SameSite=Strict` cookies when another site links to this server, such as a message in web mail or the
/// file of `runnel open`, and also in HTTP redirects that follow. They send the cookies when this page redirects, because
/// that navigation is same-site.
struct ForwardingPage {
    let context: PageContext
    /// The address, see ``DashboardRoutes/local(_:)``.
    let to: String

    func response() -> Response {
        let words = context.words
        let html = PageFrame(context: context, title: words(.pageOpens)).html { html in
            html.element("p", text: words(.pageOpens))
            html.element("p") { html in
                html.element("a", .class("button"), .plain("href", to), text: words(.openPage))
            }
        }
        var response = Response.page(html)
        if let refresh = HTTPField.Name("Refresh") { response.headers[refresh] = "0; url=\(to)" }
        return response
    }
}
