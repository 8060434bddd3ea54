"""The dashboard in a real browser. `scripts/browser.sh` runs it."""
import json
import re
import sys
import time
import traceback

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from harness import TOKEN, browser, context, deliver, served

HOSTILE = "<script>alert(1)</script>\u202eRTL'\"&"


def test_a_token_signs_in_and_another_does_not(chromium, server):
    page = context(chromium, server, signed_in=False).new_page()
    page.goto("/runs?state=failed")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.fill("#token", "wrong")
    page.click("main button.first")
    expect(page.locator("[role=alert]")).to_have_text("This is not the server's token.")
    page.fill("#token", TOKEN)
    page.click("main button.first")
    expect(page).to_have_url(re.compile(r"/runs\?state=failed$"))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_printed_link_signs_in_once(chromium, server):
    page = context(chromium, server, signed_in=False).new_page()
    link = server.link
    page.goto(link)
    expect(page.locator("nav[aria-label='Main navigation']")).to_be_visible()
    other = context(chromium, server, signed_in=False).new_page()
    assert other.goto(link).status == 403
    expect(other.locator("main")).to_contain_text("the link has been used or has expired")


def test_a_link_on_a_page_of_another_site_keeps_the_session(chromium, server):
    page = context(chromium, server).new_page()
    page.goto(f"data:text/html,<a href='{server.url}/runs?state=failed'>runs</a>")
    page.click("a")
    expect(page).to_have_url(re.compile(r"/runs\?state=failed$"))
    expect(page.locator("#runs")).to_be_visible()
    other = context(chromium, server, signed_in=False).new_page()
    other.goto(f"data:text/html,<a href='{server.link}'>sign in</a>")
    other.click("a")
    expect(other.locator("nav[aria-label='Main navigation']")).to_be_visible()


def test_a_run_is_started_from_its_form_and_its_answer_is_read_as_it_comes(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/pipelines/talk")
    page.fill("#input-who", HOSTILE)
    page.fill("#input-gate", "started")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".notice")).to_have_text("The run was started.")
    answer = page.locator("#detail [data-answer=answer]")
    expect(answer).to_have_text(f"Hello {HOSTILE},")
    server.open_gate("started")
    expect(page.locator("#head .badge")).to_have_text("succeeded")
    expect(page.locator("#values")).to_contain_text("this came later.")
    assert page.evaluate("document.scripts.length") == 1


def test_an_answer_that_was_rendered_with_its_text_does_not_take_it_again_from_the_stream(chromium, server):
    run = server.run("talk", who="Ann", gate="behind")
    profile = context(chromium, server)
    # Without a shared worker the stream is the page's own and can be held here.
    profile.add_init_script("""delete window.SharedWorker; window.seen = [];
        new MutationObserver(() => document.querySelectorAll("[data-answer]").forEach(
            (answer) => seen.push(answer.textContent))).observe(document, { childList: true, subtree: true, characterData: true });""")
    page = profile.new_page()
    page.goto(f"/runs/{run}")
    answer = page.locator("#detail [data-answer=answer]")
    expect(answer).to_have_text("Hello Ann,")

    # The page as it was before the step began, and a stream that says that it began and is behind its two texts.
    started = int(page.locator("main").get_attribute("data-next")) - 3

    def as_before(route):
        page.unroute("**/runs/*")
        html = re.sub(r'data-next="\d+"', f'data-next="{started}"', route.fetch().text())
        route.fulfill(body=re.sub(r'<div class="answer".*?</div>', "", html), content_type="text/html")

    streams = []

    def behind(route):
        streams.append(route)
        if len(streams) == 1:
            event = json.dumps({"run": run, "number": started, "event": "step-started", "step": "answer"})
            route.fulfill(body=f"event: run\ndata: {event}\n\n", content_type="text/event-stream")
        if len(streams) > 2:
            route.continue_()

    page.route(re.compile(r"/live\?"), behind)
    page.route("**/runs/*", as_before)
    page.goto(f"/runs/{run}")
    expect(answer).to_have_text("Hello Ann,")
    while len(streams) < 2:
        page.wait_for_timeout(20)
    streams[1].continue_()
    server.open_gate("behind")
    expect(page.locator("#head .badge")).to_have_text("succeeded")
    seen = page.evaluate("seen")
    assert "Hello Ann, " in seen and not any(text.count("Hello") > 1 for text in seen), seen


def test_several_chats_stream_side_by_side(chromium, server):
    run = server.run("fan")
    page = context(chromium, server).new_page()
    page.goto(f"/runs/{run}")
    expect(page.locator("#answers .answer")).to_have_count(3)
    expect(page.locator("#answers")).to_contain_text("two speaks.")
    server.open_gate("fan")
    expect(page.locator("#head .badge")).to_have_text("succeeded")
    expect(page.locator("#answers .answer")).to_have_count(0)


def test_a_failed_run_is_retried_from_a_step(chromium, server):
    run = server.run("fails")
    assert server.end(run) == "failed"
    profile = context(chromium, server)
    page = profile.new_page()
    page.goto(f"/runs/{run}")
    expect(page.locator("#head .problem")).to_contain_text("<img src=x onerror=alert(2)> is no ticket")
    page.get_by_text("Retry from a step…").click()
    expect(page.locator("#from")).to_have_value("second")
    page.locator(".menu button").click()
    expect(page.locator(".notice")).to_have_text("A new run was started.")
    expect(page.locator("#head .facts")).to_contain_text("Retry of")
    expect(page.locator("#head .badge")).to_have_text("failed")
    assert profile.complaints == [], profile.complaints


def test_a_run_is_cancelled_on_a_phone_by_touch(chromium, server):
    run = server.run("talk", who="phone", gate="never")
    page = context(
        chromium, server, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True).new_page()
    page.goto(f"/runs/{run}")
    expect(page.locator("#head .badge")).to_have_text("running")
    button = page.get_by_role("button", name="Cancel")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    expect(page.locator("#head .badge")).to_have_text("cancelled")


def test_a_cancel_button_that_is_out_of_date_does_not_end_a_finally(chromium, server):
    run = server.run("tidies")
    profile = context(chromium, server, java_script_enabled=False)
    page, old = profile.new_page(), profile.new_page()
    for tab in (page, old):
        tab.goto(f"/runs/{run}")
    page.get_by_role("button", name="Cancel").click()
    end = page.get_by_role("button", name="End its finally")
    while not end.count():
        page.wait_for_timeout(50)
        page.goto(f"/runs/{run}")
    old.get_by_role("button", name="Cancel").click()
    expect(old.locator(".notice")).to_have_text("The run was asked to end.")
    assert server.api("GET", f"/runs/{run}")["state"] == "running"
    end.click()
    expect(page.locator(".notice")).to_have_text("Its finally was asked to end.")
    assert server.end(run) == "cancelled"


def test_filters_are_links_in_the_address(chromium, server):
    failed, good = server.run("fails"), server.run("talk", who="filter", gate="filter")
    server.open_gate("filter")
    server.end(failed), server.end(good)
    page = context(chromium, server).new_page()
    page.goto("/runs")
    page.locator(".filters").get_by_role("link", name="failed").click()
    expect(page).to_have_url(re.compile(r"state=failed"))
    assert set(page.locator("#runs tbody .badge").all_text_contents()) == {"failed"}
    page.get_by_text("More filters").click()
    page.fill("#text", "is no ticket")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"text=is\+no\+ticket|text=is%20no%20ticket"))
    assert page.locator("#runs tbody tr").count() >= 1
    page.fill("#text", "nobody said this")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#runs")).to_contain_text("No run matches these filters.")


def test_selected_runs_are_retried_together(chromium, server):
    ids = [server.run("fails") for _ in range(2)]
    for run in ids:
        server.end(run)
    page = context(chromium, server).new_page()
    page.goto("/runs?pipeline=fails&state=failed")
    for run in ids:
        page.locator(f"tr[data-run='{run}'] input").check()
    page.locator(".bulk").get_by_role("button", name="Retry").click()
    expect(page.locator(".notice")).to_have_text("2 new runs were started.")
    retried = [run.get("retry_of") for run in server.api("GET", "/runs?limit=50")]
    assert set(ids) <= set(retried)


def test_runs_that_arrive_are_on_this_page_or_on_the_next_one_and_what_is_selected_stays(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/runs?pipeline=quick")
    expect(page.locator("#runs")).to_contain_text("No run matches these filters.")
    runs = [server.run("quick") for _ in range(3)]
    rows, box = page.locator("#runs tr[data-run]"), page.locator(f"tr[data-run='{runs[0]}'] input")
    expect(rows).to_have_count(3)
    expect(page.locator(".bulk").get_by_role("button", name="Retry")).to_be_visible()
    box.check()
    runs += [server.run("quick") for _ in range(60)]
    expect(rows.first).to_have_attribute("data-run", runs[-1])
    expect(rows).to_have_count(51)
    expect(box).to_be_checked()
    box.uncheck()
    server.run("quick")
    expect(box).to_have_count(0)
    of_rows = "rows => rows.map((row) => row.dataset.run)"
    shown = set(rows.evaluate_all(of_rows))
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile("before="))
    assert set(runs) <= shown | set(rows.evaluate_all(of_rows))


def test_no_run_is_selected_after_going_back_or_loading_the_page_again(chromium, server):
    run = server.run("fails")
    server.end(run)
    page = context(chromium, server).new_page()
    page.goto("/runs?pipeline=fails")
    row = page.locator(f"tr[data-run='{run}']")

    def leave_and_go_back():
        row.locator("td.name a").click()
        expect(page.locator("#head")).to_be_visible()
        page.go_back()

    for again in (leave_and_go_back, page.reload):
        row.locator("input").check()
        server.end(server.run("fails"))
        again()
        expect(row).to_be_visible()
        expect(page.locator("#runs input:checked")).to_have_count(0)


def test_twenty_tabs_stay_live_on_one_stream(chromium, server):
    profile = context(chromium, server)
    run = server.run("talk", who="tabs", gate="tabs")
    tabs = []
    for _ in range(20):
        tab = profile.new_page()
        tab.goto(f"/runs/{run}")
        tabs.append(tab)
    streams = len(profile.service_workers)  # none: the stream is a shared worker's
    assert streams == 0
    server.open_gate("tabs")
    for tab in tabs:
        tab.bring_to_front()
        expect(tab.locator("#head .badge")).to_have_text("succeeded")


def test_a_second_tab_receives_the_events_that_the_first_has_had(chromium, server):
    run = server.run("talk", who="second", gate="second")
    profile = context(chromium, server)
    first, second = profile.new_page(), profile.new_page()
    first.goto(f"/runs/{run}")
    expect(first.locator("#detail [data-answer=answer]")).to_have_text("Hello second,")

    # The second page is as old, and its script comes when the first has received the end.
    scripts = []
    second.route("**/page.js", lambda route: scripts.append(route))
    second.goto(f"/runs/{run}", wait_until="commit")
    expect(second.locator("#head .badge")).to_have_text("running")
    while not scripts:
        second.wait_for_timeout(20)
    server.open_gate("second")
    first.bring_to_front()
    expect(first.locator("#head .badge")).to_have_text("succeeded")
    scripts[0].continue_()
    second.bring_to_front()
    expect(second.locator("#head .badge")).to_have_text("succeeded")
    expect(second.locator("#values")).to_contain_text("Hello second, this came later.")


# An `EventSource` that holds what it was opened with, and what it is told to deliver.
FAKE_STREAM = """window.opened = []; window.EventSource = class extends EventTarget {
    static OPEN = 1;
    constructor(address) { super(); opened.push(address); window.stream = this; }
    close() {}
    say(run, number) { this.dispatchEvent(new MessageEvent("run", { data: JSON.stringify({ run, number }) })); }
};
window.script = (name) => document.querySelector("script").src.replace("page.js", name);
window.pause = () => new Promise((resolve) => setTimeout(resolve, 100));"""


def test_a_stream_is_opened_again_only_for_events_that_it_is_past(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/settings")
    page.evaluate(FAKE_STREAM)
    opened, received = page.evaluate("""async () => {
        const { LiveConnection } = await import(script("live.js"));
        const connection = new LiveConnection(), received = [];
        const join = async (name, next) => {
            connection.subscribe(({ type, event }) => type === "run" && received.push(name + event.number), "r", next, false);
            await pause();
        };
        await join("a", 5);
        for (const number of [5, 6]) stream.say("r", number);
        await join("b", 7);
        stream.say("r", 7);
        await join("c", 6);
        for (const number of [6, 7, 8]) stream.say("r", number);
        return [opened, received];
    }""")
    assert opened == ["/live?run=r%3A5", "/live?run=r%3A6"], opened
    assert received == ["a5", "a6", "a7", "b7", "c6", "c7", "a8", "b8", "c8"], received


def test_a_tab_that_has_slept_is_subscribed_again_and_loaded_anew(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/settings")
    page.evaluate(FAKE_STREAM)
    received = page.evaluate("""async () => {
        const now = Date.now, every = window.setInterval;
        let sweep;
        window.setInterval = (body) => { sweep = body; };
        await import(script("worker.js"));
        window.setInterval = every;
        const { port1, port2 } = new MessageChannel(), received = [];
        port2.onmessage = ({ data }) => received.push(data.type + (data.event?.number ?? data.wasLost ?? ""));
        self.onconnect({ ports: [port1] });
        const tell = async (type, next) => { port2.postMessage({ type, run: "r", next, beats: false }); await pause(); };
        await tell("subscribe", 5);
        stream.say("r", 5);
        await tell("here", 6);
        Date.now = () => now() + 600_000;
        sweep();
        await tell("here", 6);
        await tell("here", 6);
        stream.say("r", 6);
        await pause();
        return received;
    }""")
    assert received == ["run5", "connectedtrue", "run6"], received


def test_a_page_says_with_its_subscription_that_it_is_there(chromium, server):
    run = server.run("talk", who="there", gate="there")
    page = context(chromium, server).new_page()
    page.clock.install()
    page.add_init_script("""window.told = [];
        window.SharedWorker = class { port = { postMessage: (message) => told.push(message) }; };""")
    page.goto(f"/runs/{run}")
    page.wait_for_function("told.length === 1")
    page.clock.fast_forward(50_000)
    first, second = page.evaluate("told")
    assert first == {"type": "subscribe", "run": run, "next": first["next"], "beats": False}, first
    assert second == {**first, "type": "here"}, second
    server.open_gate("there")


def test_clocks_go_by_the_time_of_the_server(chromium, server):
    run = server.run("talk", who="clock", gate="clock")
    profile = context(chromium, server)
    profile.add_init_script("const now = Date.now; Date.now = () => now() + 7_200_000;")
    page = profile.new_page()
    page.goto(f"/runs/{run}")
    clock = page.locator("a[data-step=answer] .num")
    expect(clock).to_have_attribute("data-since", re.compile("T"))
    expect(clock).to_have_text(re.compile(r"^\d+ s$"))
    server.open_gate("clock")


def test_a_run_of_thousands_of_items_scrolls(chromium, server):
    run = server.run("flood")
    profile = context(chromium, server)
    page = profile.new_page()
    page.goto(f"/runs/{run}")
    hold = page.locator("a[data-step=hold]")
    expect(hold).to_have_attribute("aria-current", "true", timeout=120_000)
    page.reload()
    expect(hold).to_be_in_viewport()
    rows, box = page.locator(".fall li"), page.locator(".fall")
    assert rows.count() == 200
    assert page.locator(".fall [aria-current]").count() == 1
    expect(page.locator("#steps .pages")).to_be_hidden()

    # A step that says nothing: its clock and its bar go on.
    clock, bar = hold.locator(".num"), hold.locator("rect")
    before, width = clock.text_content(), float(bar.get_attribute("width"))
    expect(clock).not_to_have_text(before)
    page.wait_for_function("width => document.querySelector('a[data-step=hold] rect').getAttribute('width') > width", arg=width)

    # Far away, and back: rows come, those that were there go, and the others stay where they are.
    start = time.monotonic()
    box.evaluate("box => { box.scrollTop = box.scrollHeight / 2; }")
    middle = page.locator("a[data-step='many[4500]']")
    expect(middle).to_be_in_viewport()
    assert time.monotonic() - start < 5
    expect(hold).to_have_count(0)
    assert rows.count() == 200
    assert rows.first.get_attribute("aria-setsize") == "9003"
    box.evaluate("box => { box.scrollTop = 0; }")
    expect(page.locator("a[data-step=list]")).to_be_in_viewport()
    expect(page.locator("a[data-step=many]")).to_contain_text("9,000 of 9,000 items")
    assert page.evaluate("document.querySelectorAll('*').length") < 3000

    # The keyboard goes through the rows of several windows.
    page.locator("a[data-step=list]").focus()
    for _ in range(250):
        page.keyboard.press("Tab")
    expect(page.locator("a[data-step='many[248]']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2").first).to_have_text("many[248]")
    expect(page.locator("a[data-step='many[248]']")).to_have_attribute("aria-current", "true")
    expect(page.locator("a[data-step='many[248]']")).to_be_in_viewport()

    # On a phone the details are not below nine thousand rows.
    phone = context(chromium, server, viewport={"width": 390, "height": 800}).new_page()
    phone.goto(f"/runs/{run}")
    expect(phone.locator("a[data-step=hold]")).to_have_attribute("aria-current", "true")
    assert phone.evaluate("document.querySelector('#detail').getBoundingClientRect().top + scrollY") < 1600
    assert Axe().run(phone).response["violations"] == []
    server.api("POST", f"/runs/{run}/cancel")
    assert profile.complaints == [], profile.complaints


def test_a_run_of_thousands_of_items_is_read_in_pages_without_script(chromium, server):
    run = server.run("flood")
    server.open_gate("flood")
    assert server.end(run, seconds=120) == "succeeded"
    page = context(chromium, server).new_page()
    page.route("**/assets/**/*.js", lambda route: route.abort())
    page.goto(f"/runs/{run}")
    expect(page.locator("#steps .pages")).to_contain_text("8,804–9,003 of 9,003")
    page.locator("#steps .pages").get_by_role("link", name="Previous").click()
    expect(page.locator("#steps .pages")).to_contain_text("8,604–8,803 of 9,003")
    page.locator("a[data-step='many[8700]']").click()
    expect(page.locator("#detail h2").first).to_have_text("many[8700]")
    expect(page.locator("a[data-step='many[8700]']")).to_have_attribute("aria-current", "true")


def test_a_page_says_that_its_session_has_ended(chromium, server):
    profile = context(chromium, server)
    page = profile.new_page()
    page.goto("/runs")
    expect(page.locator("#runs")).to_be_visible()
    profile.clear_cookies()
    server.end(server.run("fails"))
    expect(page.locator("#connection")).to_have_text(
        "You are signed out, and this page is no longer updated. Reload it to sign in.")
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_signing_out_in_one_tab_ends_the_others(chromium, server):
    run = server.run("fails")
    server.end(run)
    profile = context(chromium, server)
    # Also pages without live parts.
    tabs = [(profile.new_page(), path) for path in ("/runs", f"/runs/{run}", f"/runs/{run}?view=definition", "/audit")]
    other = profile.new_page()
    for tab, path in tabs + [(other, "/runs")]:
        tab.goto(path)
        expect(tab.locator("main h1")).to_be_visible()
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile("/sign-in"))
    for tab, path in tabs:
        tab.bring_to_front()
        expect(tab.locator("#connection"), path).to_have_text(
            "You are signed out, and this page is no longer updated. Reload it to sign in.")


def test_the_page_of_a_pipeline_that_is_removed_says_so(chromium, server):
    file = server.folder / "pipelines" / "removed.yaml"
    text = "name: removed\nsteps: [ { uses: template, with: { text: x } } ]\n"
    file.write_text(text)
    page = context(chromium, server).new_page()
    while page.goto("/pipelines/removed").status != 200:
        page.wait_for_timeout(100)
    notice = page.locator("#connection")
    file.unlink()
    expect(notice).to_have_text("This page is not available any more, and is no longer updated.")
    file.write_text(text)
    expect(notice).to_be_hidden()
    file.unlink()


def test_the_page_goes_on_by_itself_after_a_restart_of_the_server(chromium, server):
    run = server.run("talk", who="restart", gate="restart")
    page = context(chromium, server).new_page()
    page.goto(f"/runs/{run}")
    expect(page.locator("#detail [data-answer=answer]")).to_have_text("Hello restart,")
    server.kill()
    expect(page.locator("#connection")).to_be_visible()
    server.start()
    expect(page.locator("#connection")).to_be_hidden(timeout=30_000)
    server.open_gate("restart")
    expect(page.locator("#head .badge")).to_have_text("succeeded", timeout=40_000)
    expect(page.locator("#values")).to_contain_text("Hello restart, this came later.")


def test_without_script_everything_but_liveness_works(chromium, server):
    profile = context(chromium, server, signed_in=False, java_script_enabled=False)
    page = profile.new_page()
    page.goto("/sign-in")
    page.fill("#token", TOKEN)
    page.click("main button.first")
    page.goto("/pipelines/talk")
    page.fill("#input-who", "Ada")
    page.fill("#input-gate", "plain")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".notice")).to_have_text("The run was started.")
    server.open_gate("plain")
    server.end(page.url.split("/runs/")[1].split("?")[0])
    page.reload()
    expect(page.locator("#head .badge")).to_have_text("succeeded")
    page.locator("#head .actions").get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator(".notice")).to_have_text("A new run was started.")
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")


def test_the_keyboard_alone_is_enough(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Pipelines":
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/pipelines$"))
    outline = page.evaluate("(document.querySelector('.top nav a').focus(), getComputedStyle(document.querySelector('.top nav a')).outlineStyle)")
    assert outline != "none"


def test_ticks_of_the_past_are_run_once(chromium, server):
    page = context(chromium, server).new_page()
    for notice in ("The ticks were started.", "No tick was missing."):
        page.goto("/pipelines/morning")
        page.get_by_text("Run ticks of the past").click()
        page.fill("#backfill-from", "2026-11-16T09:00")
        page.fill("#backfill-to", "2026-11-20T09:00")
        page.get_by_role("button", name="Run them").click()
        expect(page.locator(".notice")).to_have_text(notice)
    ticks = json.loads(server.command(
        "schedule", "backfill", "morning", "--from", "2026-11-16T00:00:00Z", "--to", "2026-11-20T00:00:00Z", "--json"))
    assert [tick["scheduled_for"][:10] for tick in ticks] == [f"2026-11-{day}" for day in (16, 17, 18, 19, 20)], ticks
    assert {tick["status"] for tick in ticks} == {"exists"}
    runs = server.api("GET", "/runs?pipeline=morning")
    assert len(runs) == 5
    assert runs[0]["trigger"]["type"] == "schedule"


def test_the_triggers_of_a_pipeline_are_live_and_the_form_in_them_stays(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/pipelines/morning")
    page.get_by_text("Run ticks of the past").click()
    page.fill("#backfill-from", "2026-11-16T09:00")
    page.locator("#backfill [name=again]").check()
    form = page.locator("#backfill [name=form-id]").input_value()
    badge = page.locator("#triggers tbody .badge")
    for command, state in (("--disable", "disabled"), ("--enable", "ready")):
        server.command("trigger", "morning", command, "schedule")
        expect(badge).to_have_text(state)
    expect(page.locator("#backfill-from")).to_be_visible()
    expect(page.locator("#backfill-from")).to_have_value("2026-11-16T09:00")
    expect(page.locator("#backfill [name=again]")).to_be_checked()
    assert page.locator("#backfill [name=form-id]").input_value() == form
    # The server checks the times: the page may have been open for long.
    assert page.locator("#backfill-to").get_attribute("max") is None


def test_a_disabled_trigger_stays_so_over_a_restart(chromium, server):
    page = context(chromium, server).new_page()
    page.goto("/triggers")
    row = page.locator("#triggers tbody tr").filter(has_text="morning")
    row.get_by_role("button", name="Disable").click()
    expect(page.locator(".notice")).to_have_text("The trigger was disabled.")
    expect(row.locator(".badge")).to_have_text("disabled")
    server.stop()
    server.start()
    page.reload()
    expect(row.locator(".badge")).to_have_text("disabled")
    assert "disabled by an operator" in server.command("status")
    server.command("trigger", "morning", "--enable", "schedule")
    expect(row.locator(".badge")).to_have_text("ready")


def test_what_was_done_is_in_the_audit_log_and_on_the_command_line(chromium, server):
    run = server.run("fails")
    server.end(run)
    page = context(chromium, server).new_page()
    page.goto("/audit")
    expect(page.locator("main table")).to_contain_text(run)
    entry = f'"caller":"token","origin":"127.0.0.1","action":"start-run","subject":"fails","outcome":"{run}"'
    assert entry in server.command("audit", "-n", "3", "--json")
    assert server.command("tokens") == "token  admin\n"
    other = context(chromium, server, signed_in=False).new_page()
    other.goto(server.command("open", run, "--print").strip())
    expect(other).to_have_url(re.compile(f"/runs/{run}$"))


PAGES = ["/", "/runs", "/pipelines", "/pipelines/talk", "/pipelines?file=pipelines/bad.yaml", "/triggers", "/usage", "/workers",
         "/audit", "/settings"]


def test_axe_finds_nothing_and_nothing_overflows(chromium, server):
    run = server.run("fails")
    server.end(run)
    assert deliver(server, "image/png", {}) == 415
    delivery = server.api("GET", "/deliveries?limit=1")[0]["number"]
    (server.gates / "fan").unlink(missing_ok=True)
    paths = PAGES + [f"/runs/{run}", f"/runs/{run}?view=definition", f"/deliveries/{delivery}", "/nothing-here", "/runs/none"]
    axe = Axe()

    def check(page, name):
        # A page of 320 px is that of 390 px with less room.
        found = axe.run(page).response["violations"] if page.viewport_size["width"] > 320 else []
        assert found == [], f"{name}: " + "; ".join(
            f"{v['id']} {v['nodes'][0]['html'][:120]} {v['nodes'][0].get('failureSummary', '')}" for v in found)
        width = page.viewport_size["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"

    for scheme in ("light", "dark"):
        profile = context(chromium, server, color_scheme=scheme)
        signed_out = context(chromium, server, signed_in=False, color_scheme=scheme).new_page()
        page = profile.new_page()
        for width in (1280, 390, 320):
            size = {"width": width, "height": 800}
            page.set_viewport_size(size)
            fan = server.run("fan")
            page.goto(f"/runs/{fan}")
            expect(page.locator("#answers .answer")).to_have_count(3)
            check(page, f"{scheme} live run")
            server.api("POST", f"/runs/{fan}/cancel")
            for path in paths:
                page.goto(path)
                check(page, f"{scheme} {path}")
            page.goto("/pipelines/talk")
            page.fill("#input-who", "Ada")
            page.get_by_role("button", name="Dry run").click()
            expect(page.locator("main .rows")).to_be_visible()
            check(page, f"{scheme} dry run")
            signed_out.set_viewport_size(size)
            signed_out.goto("/sign-in")
            check(signed_out, f"{scheme} /sign-in")
        security = [text for text in profile.complaints if "Content Security Policy" in text]
        assert security == [], security


def test_hostile_texts_stay_text(chromium, server):
    run = server.run("talk", who=HOSTILE + "x" * 1_000_000, gate="hostile")
    server.open_gate("hostile")
    server.end(run)
    profile = context(chromium, server)
    page = profile.new_page()
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    for path in (f"/runs/{run}", f"/runs/{run}?view=value&part=inputs", "/runs", "/"):
        page.goto(path)
        assert page.evaluate("document.scripts.length") == 1
        assert page.locator("main script, main img, main iframe").count() == 0
    assert profile.complaints == [], profile.complaints


def test_a_delivery_is_found_by_its_filter_looked_at_and_replayed(chromium, server):
    first = deliver(server, "application/json", {"note": HOSTILE})
    assert deliver(server, "image/png", {}) == 415
    profile = context(chromium, server)
    page = profile.new_page()
    page.goto("/triggers")
    filters = page.get_by_role("navigation", name="Deliveries: Filters")
    filters.get_by_role("link", name="refused").click()
    expect(page).to_have_url(re.compile(r"outcome=refused"))
    rows = page.locator("#delivery-list tbody tr")
    expect(rows.first).to_contain_text('this hook does not take bodies of the type "image/png"')
    assert set(rows.locator(".badge").all_text_contents()) == {"refused"}
    page.get_by_role("navigation", name="Deliveries: Filters").get_by_role("link", name="accepted").click()
    page.locator("#delivery-list").get_by_role("link", name="POST /hooks/hook").first.click()
    expect(page.locator("#headers")).to_contain_text("<b>note</b>")
    expect(page.locator("main")).not_to_contain_text("not-to-be-seen")
    expect(page.locator("#body pre")).to_contain_text("alert(1)")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".notice")).to_have_text("The delivery was replayed.")
    expect(page.locator("#head .badge")).to_have_text("succeeded")
    expect(page.locator("main")).to_contain_text(first[:13])
    assert page.evaluate("document.scripts.length") == 1
    assert profile.complaints == [], profile.complaints


def main():
    wanted = sys.argv[1:]
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failures = 0
    with served() as server, browser() as chromium:
        for name, test in tests:
            if wanted and not any(word in name for word in wanted):
                continue
            start = time.monotonic()
            try:
                test(chromium, server)
            except Exception:
                failures += 1
                print(f"✗ {name}", flush=True)
                traceback.print_exc(limit=3)
            else:
                print(f"✓ {name} ({time.monotonic() - start:.1f} s)", flush=True)
            for profile in chromium.contexts:
                profile.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
