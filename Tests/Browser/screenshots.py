"""Takes screenshots of every page in both schemes and at the width of a phone: screenshots.py FOLDER."""
import pathlib
import sys

from harness import browser, context, served

PAGES = {
    "now": "/", "runs": "/runs", "pipelines": "/pipelines", "pipeline": "/pipelines/talk",
    "broken": "/pipelines?file=pipelines/bad.yaml", "triggers": "/triggers", "workers": "/workers", "audit": "/audit",
    "settings": "/settings", "missing": "/runs/none",
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with served() as server, browser() as chromium:
        ended = [server.run("fails"), server.run("fails")]
        server.open_gate("go")
        ended += [server.run("talk", who=name) for name in ("Ada", "Grace", "Katherine with a rather long name indeed")]
        for run in ended:
            server.end(run)
        live, fan = server.run("talk", who="Edsger", gate="later"), server.run("fan")
        pages = {**PAGES, "run-failed": f"/runs/{ended[0]}", "run-done": f"/runs/{ended[2]}", "run-live": f"/runs/{live}",
                 "run-fan": f"/runs/{fan}", "definition": f"/runs/{ended[0]}?view=definition"}
        for name, options in {
            "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
            "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
            "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}, "has_touch": True},
            "ja": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}, "locale": "ja-JP"},
        }.items():
            profile = context(chromium, server, **options)
            page = profile.new_page()
            for title, path in pages.items():
                page.goto(path)
                page.wait_for_timeout(400)
                page.screenshot(path=folder / f"{title}-{name}.png", full_page=True)
            profile.close()
        page = context(chromium, server, signed_in=False).new_page()
        page.goto("/sign-in")
        page.screenshot(path=folder / "sign-in-light.png")


if __name__ == "__main__":
    main()
