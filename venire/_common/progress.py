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
