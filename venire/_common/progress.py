"""A line of progress that also says what it counts, so that a screen may draw a bar where a pipe gets the line."""


class Count(str):
    """`done` of `total` of `what`; `note` says the rest in few words; `over`: nothing more comes of it."""

    what: str
    done: int
    total: int
    note: str
    over: bool

    def __new__(cls, line: str, what: str, done: int, total: int, note: str = "", *, over: bool = False) -> "Count":
        """`line` is what is said where nothing can be drawn."""
        self = super().__new__(cls, line)
        self.what, self.done, self.total, self.note, self.over = what, done, total, note, over
        return self


def counted(what: str, done: int, total: int, unit: str, seconds: float, before: int = 0) -> Count:
    """So much after `seconds`, `before` of it earlier, and how long the rest takes; before a tenth is there, unsaid."""
    note = ""
    if total > done > before and (done - before) * 10 >= total - before:
        left = seconds / (done - before) * (total - done)
        note = f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"
    line = f"    {what}: {done:,} of {total:,} {unit}" + (f", {note}" if note else "")
    return Count(line, f"{what} ({unit})", done, total, note, over=done >= total)
