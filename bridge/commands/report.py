"""What `bridge check` finds, said line by line as it is found."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """What was found, said line by line as it is found."""

    findings: list[str] = field(default_factory=list)

    def ok(self, words: str) -> None:
        """It works."""
        print(f"ok      {words}")

    def note(self, words: str) -> None:
        """Worth knowing; nothing to mend."""
        print(f"note    {words}")

    def wrong(self, words: str) -> None:
        """It does not work."""
        print(f"WRONG   {words}")
        self.findings.append(words)
