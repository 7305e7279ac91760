"""Alerts in the demo: the phone buzzes, nobody answers, the next phone buzzes, somebody presses Ack."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage

Keep = Callable[[Page, str], None]

AMA, KOFI, YAA = "Phone +233 24 110 9433, Ama", "Phone +233 55 123 4567, Kofi", "Phone +233 20 123 4567, Yaa"
DISK, SURGE = "Disk full on db1", "500 hosts down"

STANDS_FOR = """
([phone, title, wanted]) => {
  const texts = [...document.querySelectorAll(`[aria-label="${phone}"] .sms p`)].map((one) => one.textContent);
  const about = texts.filter((text) => text.includes(title));
  return about.reduce((sum, text) => sum + 1 + Number(text.match(/[+](\\d+) more/)?.[1] || 0), 0) === wanted;
}
"""


def phone(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def fire(page: Page, title: str) -> None:
    page.get_by_role("button", name=f"Fire: {title}").click()


def card(page: Page, words: str) -> Locator:
    return page.locator("#log > li").filter(has_text=words)


def be(page: Page, name: str) -> None:
    page.get_by_role("radio", name=re.compile(f"^{name}")).check()


def test_nobody_answers_so_the_next_phone_buzzes_until_somebody_presses_ack(
    open_page: OpenPage, keep_picture: Keep
) -> None:
    page = open_page(width=1280, height=800)
    story = page.locator("#story")
    fire(page, DISK)
    expect(phone(page, AMA)).to_contain_text("CRITICAL Disk full on db1")
    expect(story).to_contain_text("Ama’s phone buzzes. No Ack within 10 s? Then Kofi’s.")
    expect(phone(page, KOFI)).to_contain_text("CRITICAL Disk full on db1")
    expect(story).to_contain_text(
        "Nobody answered for 10 s: Kofi’s phone buzzes. No Ack within 10 s? Then everybody’s."
    )
    expect(card(page, DISK)).to_contain_text("Kofi: sent")
    keep_picture(page, "alerts")
    be(page, "Kofi")
    card(page, DISK).get_by_role("button", name="Ack").click()
    expect(card(page, DISK)).to_contain_text("acknowledged by Kofi Boateng")
    be(page, "Ama")
    expect(card(page, DISK)).to_contain_text("acknowledged by Kofi Boateng")
    expect(story).to_contain_text("Kofi Boateng took it")
    page.get_by_role("button", name=f"Resolve: {DISK}").click()
    expect(card(page, DISK)).to_contain_text("resolved by alertmanager")
    expect(story).to_contain_text("Over")
    expect(page.locator(".sms")).to_have_count(2)


def test_a_surge_of_500_is_one_card_and_no_500_sms_and_the_link_in_the_sms_answers_it(open_page: OpenPage) -> None:
    page = open_page()
    fire(page, SURGE)
    expect(card(page, "Storm S1")).to_contain_text("/alerts")
    page.wait_for_function(STANDS_FOR, arg=[AMA, "web-", 500])
    assert phone(page, AMA).locator(".sms").count() <= 2, "one at once, one for all that came meanwhile"
    with page.context.expect_page() as opened:
        phone(page, AMA).get_by_role("link").first.click()
    tapped = opened.value
    tapped.get_by_role("button", name=re.compile("^Acknowledge")).click()
    expect(tapped.get_by_role("button")).to_have_count(0)
    tapped.close()
    expect(card(page, "Storm S1")).to_contain_text(re.compile(r"\d+ acknowledged"))
    page.get_by_role("button", name=f"Resolve: {SURGE}").click()
    expect(card(page, "Storm S1")).to_contain_text(re.compile(r"\d{3} resolved"))


def test_cards_stand_in_the_group_and_the_chat_shows_it_beside_the_phones(open_page: OpenPage) -> None:
    page = open_page(width=1280, height=800)
    expect(page.get_by_role("radio", name="Private chat")).to_be_checked()
    page.get_by_label("Message", exact=True).fill("half a word")
    fire(page, DISK)
    expect(page.get_by_role("radio", name=re.compile("^Ops group"))).to_be_checked()
    for seen in (card(page, DISK), phone(page, AMA), phone(page, KOFI), page.locator("#story")):
        expect(seen).to_be_in_viewport()
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a word")
    for name in ("Kofi", "Efua"):
        be(page, name)
        expect(card(page, DISK)).to_be_in_viewport()
    fire(page, SURGE)  # its cards stand where there may be many
    expect(page.get_by_role("radio", name="Private chat")).to_be_checked()
    expect(page.get_by_role("radio", name=re.compile("^Ama"))).to_be_checked()
    expect(card(page, "Storm S1")).to_be_visible()


def test_what_fires_and_is_over_at_the_source_needs_a_keyboard_only(open_page: OpenPage) -> None:
    page = open_page()
    button = page.get_by_role("button", name="Fire: Queue slow")
    button.focus()
    page.keyboard.press("Enter")
    expect(phone(page, AMA)).to_contain_text("WARNING Queue slow")
    expect(page.get_by_role("button", name="Resolve: Queue slow")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card(page, "Queue slow")).to_contain_text("resolved by alertmanager")
    expect(page.get_by_role("button", name="Fire: Queue slow")).to_be_focused()


def test_a_stranger_cannot_acknowledge(open_page: OpenPage) -> None:
    page = open_page()
    fire(page, DISK)
    link = phone(page, AMA).get_by_role("link")
    expect(link).to_have_attribute("href", re.compile(r"^http://127\.0\.0\.1:\d+/a/[\w-]{16}$"))
    be(page, "Efua")
    card(page, DISK).get_by_role("button", name="Ack").click()
    expect(page.locator("#toast")).to_contain_text("You have no access")
    be(page, "Ama")
    expect(card(page, DISK).get_by_role("button", name="Ack")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_story_fits_a_phone(open_page: OpenPage, scheme: str) -> None:
    page = open_page(width=360, height=740, scheme=scheme, has_touch=True)
    page.get_by_role("tab", name="Alerts").click()
    fire(page, DISK)
    expect(page.get_by_role("tab", name="Phones")).to_have_attribute("aria-selected", "true")
    expect(phone(page, AMA)).to_contain_text("CRITICAL Disk full on db1")
    expect(page.locator("#story")).to_be_in_viewport()
    expect(phone(page, YAA)).to_be_in_viewport()
    page.get_by_role("tab", name="Chat").click()
    card(page, DISK).get_by_role("button", name="Ack").click()
    expect(card(page, DISK)).to_contain_text("acknowledged by Ama Mensah")
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, "nothing may need scrolling sideways"
