"""What a post shows now: reads the state of its subject and draws the card."""

from datetime import datetime

from sqlalchemy import Connection

from bridge.services.chat.chat_port import Card
from bridge.store import incident_log, incidents, messages, pages, storms
from bridge.store.posts import Post
from bridge.telegram import incident_cards, sms_cards

GONE = Card(text="This is not there any more.")
PAGE_SHOWS = 8


def card_of(connection: Connection, post: Post, now: datetime, *, name_gateways: bool = False) -> Card:
    """The card of a post as things stand; for a fixed text that text. `name_gateways`: as for `sms_cards.render`."""
    subject = post.subject
    if subject.message_id is not None:
        message = messages.view(connection, subject.message_id)
        if message is None:
            return GONE
        return sms_cards.render(message, post.place.chat_id, now, name_gateways=name_gateways)
    if subject.incident_id is not None:
        incident = incidents.get(connection, subject.incident_id)
        return _incident(connection, incident) if incident else GONE
    if subject.storm_id is not None:
        storm = storms.view(connection, subject.storm_id)
        return incident_cards.storm_card(storm) if storm else GONE
    if subject.page_id is not None:
        page = pages.get(connection, subject.page_id)
        return _page(connection, page) if page else GONE
    return Card(text=post.text)


def _incident(connection: Connection, incident: incidents.Incident) -> Card:
    told = incident_log.of_events(connection, incident.id, incident_cards.EVENTS)
    return incident_cards.incident_card(incident, pages.of_incident(connection, incident.id), told)


def _page(connection: Connection, page: pages.Page) -> Card:
    worst, still_open = pages.worst(connection, page.id, PAGE_SHOWS)
    return incident_cards.page_card(page, worst, still_open, len(pages.incident_ids(connection, page.id)))
