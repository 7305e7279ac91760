"""What a case comes to: one row of the table, and the reasons behind its last two columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.campaign.stage import Stage
from tests.faults.books import FROM_A_CHAT, SHOWN_AS

# How the books begin to say that a phone got something again, or that it got what was said to be not sent.
_DOUBLED = ("times to a phone", "attempts after one", "the gateway was asked", "a phone got it", "SMS for the outcomes")
# Times are compared there, which means nothing once a clock was set back.
_BY_TIME = "began after all of it was acknowledged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """`sent`: SMS that reached a phone. `said`: outcomes that a chat shows. `why` names what is lost or doubled.

    `lost`: confirmed to Telegram or answered with 202, and not there, not shown, or shown otherwise than it is.
    """

    case: str
    rounds: int = 1
    kills: int = 0
    asked: int = 0
    sent: int = 0
    said: int = 0
    lost: int = 0
    doubled: int = 0
    not_here: str = ""
    why: Sequence[str] = field(default=())

    def __add__(self, other: "Row") -> "Row":
        return Row(
            case=self.case,
            rounds=self.rounds + other.rounds,
            kills=self.kills + other.kills,
            asked=self.asked + other.asked,
            sent=self.sent + other.sent,
            said=self.said + other.said,
            lost=self.lost + other.lost,
            doubled=self.doubled + other.doubled,
            not_here=self.not_here or other.not_here,
            why=(*self.why, *other.why),
        )


def tally(stage: Stage, case: str, unsettled: Sequence[str] = (), *, set_back: bool = False) -> Row:
    """Count everything. `unsettled`: what was still to be done when time was over. `set_back`: a clock was."""
    scene, night = stage.scene, stage.night
    report, audit = scene.report(), night.audit()
    refused = _refused(stage)
    unkept = scene.confirmed() - scene.books.kept()
    wrong = [
        *(words for words in (*report.wrong, *audit.wrong) if not _told_in_vain(words, refused)),
        *(f"update {one}: confirmed to Telegram, and not kept" for one in sorted(unkept)),
        *(f"not settled: {words}" for words in unsettled),
    ]
    if set_back:
        wrong = [words for words in wrong if _BY_TIME not in words]
    doubled = [words for words in wrong if any(mark in words for mark in _DOUBLED)]
    return Row(
        case=case,
        kills=stage.kills,
        asked=sum(scene.commands.values()) + len(night.answered.fired),
        sent=len(scene.gateway.sent),
        said=_said(stage),
        lost=len(wrong) - len(doubled),
        doubled=len(doubled),
        why=[*wrong, *_in_the_logs(stage)],
    )


def _in_the_logs(stage: Stage) -> list[str]:
    """A traceback, a secret, a number or a text: in no column, and not clean either."""
    try:
        stage.scene.check_logs()
    except AssertionError as error:
        return [f"log: {error}"]
    return []


def _said(stage: Stage) -> int:
    """Numbers whose line in a chat is true, and incidents that have a card."""
    books = stage.scene.books
    count = 0
    for row in books.deliveries():
        sign, words = SHOWN_AS[row["state"]]
        lines = [line for card in books.cards(row["message_id"]) for line in card.text.splitlines()]
        count += row["source"] == FROM_A_CHAT and any(
            row["number"] in line and line.startswith(sign) and words in line for line in lines
        )
    cards = books.rows("SELECT DISTINCT incident_id FROM posts WHERE incident_id > 0 AND telegram_id IS NOT NULL")
    return count + len(cards)


def _refused(stage: Stage) -> tuple[str, ...]:
    """Beginnings of what the books say about cards that a chat takes no more (blocked, kicked: the database knows), or
    that people deleted once they had read the end.
    """
    rows = stage.scene.books.rows("SELECT message_id, incident_id FROM posts WHERE trouble != ''")
    found = [f"A{row['incident_id']}:" if row["incident_id"] else f"#{row['message_id']}" for row in rows]
    return (*found, *(f"#{message_id}" for message_id in stage.deleted))


def _told_in_vain(words: str, refused: Sequence[str]) -> bool:
    about = words.split(maxsplit=1)[0].rstrip(":")
    is_show = any(mark in words for mark in ("no chat shows it", "not shown", "shown as", "its card says"))
    return is_show and any(about == one.rstrip(":") for one in refused)


def table(rows: Sequence[Row]) -> str:
    """Fixed columns, and the sum."""
    head = ("case", "rounds", "kills", "asked", "sent", "said", "lost", "doubled without saying so")
    there = [row for row in rows if not row.not_here]
    lines = [head, *map(_cells, there)]
    if there:
        total = there[0]
        for row in there[1:]:
            total += row
        lines.append(("all", *_cells(total)[1:]))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    shown.insert(1, "  ".join("-" * width for width in widths))
    shown += [f"{row.case}: this machine cannot play it ({row.not_here})" for row in rows if row.not_here]
    return "\n".join(line.rstrip() for line in shown)


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.rounds, row.kills, row.asked, row.sent, row.said, row.lost, row.doubled)
    return (row.case, *map(str, counts))
