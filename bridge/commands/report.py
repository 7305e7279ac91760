"""What `bridge check` finds, said line by line as it is found."""

from dataclasses import dataclass, field

from bridge.domain.wording import count


@dataclass
class Report:
    """What was found, said line by line as it is found."""

    findings: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)

    def ok(self, words: str) -> None:
        """It works."""
        print(f"ok      {words}")

    def note(self, words: str) -> None:
        """Worth knowing; nothing to mend."""
        print(f"note    {words}")

    def caution(self, words: str) -> None:
        """It works, and hardly as it is meant: somebody should look at it."""
        print(f"CAUTION {words}")
        self.cautions.append(words)

    def wrong(self, words: str) -> None:
        """It does not work."""
        print(f"WRONG   {words}")
        self.findings.append(words)

    @property
    def summary(self) -> str:
        """The last line."""
        cautions = count(len(self.cautions), "caution")
        if self.findings:
            return f"{count(len(self.findings), 'finding')}{f' and {cautions}' if self.cautions else ''}."
        return f"It works, with {cautions}." if self.cautions else "All is well."
