"""The demo as a newcomer meets it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage

Keep = Callable[[Page, str], None]


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def answer(page: Page) -> Locator:
    """The newest message in the chat."""
    return page.locator("#log > li").last


def phone(page: Page, number: str) -> Locator:
    return page.get_by_role("article", name=f"Phone {number}")


def switch(page: Page, name: str) -> None:
    page.get_by_role("radio", name=re.compile(f"^{re.escape(name)}")).check()


def be(page: Page, name: str) -> None:
    switch(page, name)


def test_one_click_sends_the_first_sms_and_the_chat_says_accepted(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Send the first SMS").click()
    expect(answer(page)).to_contain_text("✅")
    expect(phone(page, "+233 24 110 9433")).to_contain_text("Disk full on db1")


def test_an_outcome_that_nobody_knows_asks_and_a_second_sms_is_marked_as_one(
    open_page: OpenPage, keep_picture: Keep
) -> None:
    page = open_page()
    say(page, "/sms 0241109433, 0551234567 Disk full on db1")
    expect(answer(page)).to_contain_text("✅")
    switch(page, "Time-out after accepting")
    say(page, "/sms 0241109433 Backup failed on db2")
    expect(phone(page, "+233 24 110 9433")).to_contain_text("Backup failed on db2")
    expect(answer(page)).to_contain_text("may have been sent")
    keep_picture(page, "demo")
    switch(page, "Works")
    page.get_by_role("button", name="Send again").click()
    expect(answer(page)).to_contain_text("sent again by Ama Mensah")
    expect(answer(page)).to_contain_text("✅")
    expect(phone(page, "+233 24 110 9433")).to_contain_text("same text again")


def test_what_was_certainly_not_sent_is_tried_again_and_the_chat_shows_it(open_page: OpenPage) -> None:
    page = open_page()
    switch(page, "Down")
    say(page, "/sms 0241109433 Disk full on db1")
    expect(answer(page)).to_contain_text("queued: again at")
    expect(answer(page)).to_contain_text("cannot be reached")
    switch(page, "Works")
    expect(answer(page)).to_contain_text("✅")


def test_a_stranger_gets_nothing_sent_and_a_user_no_stop_switch(open_page: OpenPage) -> None:
    page = open_page()
    be(page, "Efua")
    say(page, "/sms 0241109433 let me in")
    expect(answer(page)).to_contain_text("You have no access")
    be(page, "Kofi")
    say(page, "/pause")
    expect(answer(page)).to_contain_text("Only an admin")
    expect(page.locator("article.phone .sms")).to_have_count(0)


def test_all_of_it_can_be_done_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.type("/sms 0241109433 Disk full on db1")
    page.keyboard.press("Enter")
    expect(answer(page)).to_contain_text("✅")
    page.get_by_role("radio", name=re.compile("^Works")).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^Balance gone"))).to_be_checked()
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.type("/sms 0241109433 Disk full again")
    page.keyboard.press("Enter")
    expect(answer(page)).to_contain_text("balance is used up")


def test_one_may_type_at_once_and_on_a_phone_the_first_tab_stop_leads_there(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    small = open_page(width=360, height=740, has_touch=True)
    expect(small.get_by_role("button", name="Send the first SMS")).to_be_visible()
    expect(small.get_by_label("Message", exact=True)).not_to_be_focused()
    small.keyboard.press("Tab")
    small.keyboard.press("Enter")
    expect(small.get_by_label("Message", exact=True)).to_be_focused()


def test_every_switch_is_in_sight_on_a_small_laptop(open_page: OpenPage) -> None:
    page = open_page(width=1280, height=800)
    expect(page.get_by_role("radio", name=re.compile("^Slow"))).to_be_visible()
    high, seen = page.locator("#gateway").evaluate("panel => [panel.scrollHeight, panel.clientHeight]")
    assert high <= seen


@pytest.mark.parametrize("width", [1280, 360])
def test_a_passing_note_hides_neither_chat_nor_phones(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width, height=740)
    page.route("**/do/say", lambda route: route.fulfill(status=409, body="Not now."))
    say(page, "/help")
    note = page.get_by_text("Not now.")
    expect(note).to_be_visible()
    box, chat = note.bounding_box(), page.locator("main").bounding_box()
    assert box is not None
    assert chat is not None
    assert box["y"] + box["height"] <= chat["y"] + 2


def test_it_fits_a_phone_in_the_dark(open_page: OpenPage, keep_picture: Keep) -> None:
    page = open_page(width=360, height=740, scheme="dark", has_touch=True)
    say(page, "/sms 0241109433 Disk full on db1")
    expect(answer(page)).to_contain_text("✅")
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, "nothing may need scrolling sideways"
    keep_picture(page, "demo-phone-dark")
    page.get_by_role("tab", name="Phones").click()
    expect(phone(page, "+233 24 110 9433")).to_be_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", background)[:3])
    assert red + green + blue < 200, "dark means dark"


def test_text_from_outside_is_shown_and_never_run(open_page: OpenPage) -> None:
    page = open_page()
    hostile = "<img src=x onerror=document.title='owned'><b>bold</b>"
    say(page, f"/sms 0241109433 {hostile}")
    expect(phone(page, "+233 24 110 9433")).to_contain_text(hostile)
    expect(answer(page)).to_contain_text("✅")
    assert page.title() != "owned"
