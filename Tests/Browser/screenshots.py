"""Takes screenshots of every page in both schemes, at the width of a phone too: screenshots.py FOLDER."""
import pathlib
import sys

from harness import HERE, browser, context, deliver, served, simulator

PAGES = {
    "now": "/", "runs": "/runs", "pipelines": "/pipelines", "pipeline": "/pipelines/talk",
    "broken": "/pipelines?file=pipelines/bad.yaml", "triggers": "/triggers", "deliveries": "/triggers?outcome=refused",
    "usage": "/usage", "workers": "/workers", "audit": "/audit", "settings": "/settings", "missing": "/runs/none",
}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
PROFILES = {
    "light": {"color_scheme": "light", **DESKTOP}, "dark": {"color_scheme": "dark", **DESKTOP},
    "phone": {"color_scheme": "light", **PHONE}, "phone-dark": {"color_scheme": "dark", **PHONE},
    "ja": {"color_scheme": "light", "locale": "ja-JP", **DESKTOP},
}
# A chat of the simulator that costs something, so that the page of usage has something to show.
FILES = {
    "runnel.yaml": (HERE / "project/runnel.yaml").read_text()
    + "prices: { agent-ai-bot: { input: 3 USD, cached: 0.30 USD, output: 15 USD } }\n",
    "pipelines/ask.yaml": "name: ask\nsteps: [ { id: answer, uses: chat, with: { prompt: Say hello } } ]\n",
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with simulator(), served(files=FILES) as server, browser() as chromium:
        ended = [server.run("fails"), server.run("fails"), server.run("ask")]
        server.open_gate("go")
        ended += [server.run("talk", who=name) for name in ("Ada", "Grace", "Katherine with a rather long name indeed")]
        ended.append(deliver(server, "application/json", {"note": "hello"}))
        deliver(server, "image/png", {})
        for run in ended:
            server.end(run)
        numbers = {delivery["outcome"]: delivery["number"] for delivery in server.api("GET", "/deliveries?limit=10")}
        pages = {**PAGES, "run-failed": f"/runs/{ended[0]}", "run-done": f"/runs/{ended[3]}", "run-chat": f"/runs/{ended[2]}",
                 "definition": f"/runs/{ended[0]}?view=definition",
                 **{f"delivery-{outcome}": f"/deliveries/{number}" for outcome, number in numbers.items()}}
        for name, options in PROFILES.items():
            # A plugin's answer is given up after a minute, so that each profile has runs of its own.
            live, fan = server.run("talk", who="Edsger", gate="later"), server.run("fan")
            profile = context(chromium, server, **options)
            page = profile.new_page()

            def shoot(title):
                page.wait_for_timeout(400)
                page.screenshot(path=folder / f"{title}-{name}.png", full_page=True)

            for title, path in {"run-live": f"/runs/{live}", "run-fan": f"/runs/{fan}", **pages}.items():
                page.goto(path)
                shoot(title)
            page.goto("/pipelines/talk")
            page.fill("#input-who", "Ada")
            page.locator("#start button[value=dry-run]").click()
            page.wait_for_selector("main .rows")
            shoot("dry-run")
            profile.close()
            page = context(chromium, server, signed_in=False, **options).new_page()
            page.goto("/sign-in")
            shoot("sign-in")
            for run in (live, fan):
                server.api("POST", f"/runs/{run}/cancel")
                server.end(run)


if __name__ == "__main__":
    main()
