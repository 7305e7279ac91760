"""Fixed answers of the bot, as Telegram HTML."""

from collections.abc import Sequence
from datetime import UTC
from html import escape

from bridge.domain.delivery import State
from bridge.domain.wording import ICONS, count
from bridge.store.messages import MessageView
from bridge.telegram.access import Role

COMMANDS: tuple[tuple[str, str, Role], ...] = (
    ("sms", "send a text: /sms 0241109433 Disk full on db1", Role.USER),
    ("status", "one message: /status 42", Role.USER),
    ("history", "the last messages: /history 10", Role.USER),
    ("resend", "send once more what is unknown, failed or rejected: /resend 42", Role.USER),
    ("cancel", "take back what is still queued or held: /cancel 42", Role.USER),
    ("page", "open an incident: page who is on call: /page database is on fire", Role.USER),
    ("alerts", "what is open, with its codes", Role.USER),
    ("ack", "acknowledge: /ack A7", Role.USER),
    ("resolve", "end an incident: /resolve A7", Role.USER),
    ("oncall", "who is on call now and next: /oncall", Role.USER),
    ("take", "be on call yourself for a while: /take 2h, or of several schedules /take primary 2h", Role.USER),
    ("handback", "hand back what you have taken", Role.USER),
    ("reload", "read the on-call file again", Role.ADMIN),
    ("pause", "stop switch: refuse new messages, hold queued ones", Role.ADMIN),
    ("resume", "let messages go on", Role.ADMIN),
    ("whoami", "your id and role", Role.STRANGER),
    ("help", "what this bot does for you", Role.STRANGER),
)
"""Command, what it does, and the least role it is for."""

ROLE_NAMES = {Role.STRANGER: "no access", Role.USER: "user", Role.ADMIN: "admin"}

_HOW_TO_SEND = (
    "Write it like this: <code>/sms 0241109433 Disk full on db1</code>",
    "Or reply to a message that has a text with <code>/sms 0241109433</code> to relay it.",
)
HISTORY_LIMIT = 30
HOW_MANY = f"/history takes a number from 1 to {HISTORY_LIMIT}, such as /history 10."

EDITED = "An edit sends nothing. To have it done, write it as a new message."
FORWARDED = "A forwarded command does nothing. To have it done, write it yourself."
NOT_YOURS = "Only the person who sent this, and admins, may press here."
NO_ACCESS = "You have no access to this bot."
ONLY_COMMANDS = "I only read commands, such as <code>/sms 0241109433 Disk full on db1</code>. /help shows them all."


def ask_for_access(user_id: int) -> str:
    """All that a stranger learns."""
    return (
        f"You have no access. Your id is <code>{user_id}</code>: send it to an admin of this bot to be let in. "
        "Until then this is all that I answer, whatever you write, at most once a minute."
    )


def whoami(user_id: int, role: Role) -> str:
    """Own id and role."""
    return f"Your id is <code>{user_id}</code>, your role: {ROLE_NAMES[role]}."


def help_for(role: Role) -> str:
    """What this bot does for this person."""
    lines = [
        "I send SMS and tell you the true outcome for every number: ✅ the gateway took it, ❌ certainly not sent, "
        "❓ may have been sent.",
        "",
        "<code>/sms 0241109433 Disk full on db1</code>",
        "<code>/sms +233241109433, 0551234567 Disk full</code> (a comma between recipients)",
        "Reply to any message with <code>/sms 0241109433</code> to relay it.",
        "",
    ]
    lines += [f"/{name} - {escape(words)}" for name, words, least in COMMANDS if role >= least]
    return "\n".join(lines)


def unknown_command(command: str) -> str:
    """A command that does not exist."""
    return f"There is no command {escape(command[:40])}. /help shows what there is."


def problems(sentences: Sequence[str], *, incomplete: bool = False) -> str:
    """Why a request was not taken: every bad item and why. `incomplete`: something is missing, so show how it goes."""
    shown = [f"• {escape(sentence)}" for sentence in sentences[:20]]
    if len(sentences) > len(shown):
        shown.append(f"… and {len(sentences) - len(shown)} more")
    return "\n".join(["❌ Nothing was sent.", *shown, *(_HOW_TO_SEND if incomplete else ())])


def history(found: Sequence[MessageView], *, everybody: bool, group: int | None = None) -> str:
    """The last messages, newest first, a line each. A `group` reads no text that was not written in it."""
    if not found:
        return "There are no messages yet."
    lines = []
    for message in found:
        totals = " ".join(f"{ICONS[state]}{message.counts[state]}" for state in State if message.counts.get(state))
        whose = f" · {_beginning(message.owner_name, 30)}" if everybody else ""
        if message.doubtful:
            totals += f" (❓{message.doubtful} <b>may have been sent before</b>)"
        told = (
            _beginning(message.text or "(blanked)", 40)
            if group is None or _came_from(message, group)
            else "(not from this chat)"
        )
        at = message.created_at.astimezone(UTC).strftime("%d %b %H:%M UTC")
        lines.append(f"<b>#{message.id}</b> {at} · {count(message.recipients, 'recipient')} {totals}{whose} · {told}")
    return "\n".join(lines)


def _came_from(message: MessageView, chat_id: int) -> bool:
    """Whether its command was written in that chat. Not known of those from before it became a supergroup."""
    return message.source == "telegram" and message.source_key.startswith(f"{chat_id}:")


def _beginning(text: str, most: int) -> str:
    """As much of it as a line of a list has room for, on that one line."""
    line = " ".join(text.split())
    return escape(line if len(line) <= most else line[:most] + "…")
