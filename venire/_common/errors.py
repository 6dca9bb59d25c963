"""The errors that a command turns into one sentence and an exit code.

VenireError            anything Venire itself refuses or cannot do      exit 1
├── InputError         the user's input: a file, a row, a key, a flag   exit 2
└── ServiceError       an outside service or download failed           exit 3
"""


class VenireError(Exception):
    """A check failed, or a premise does not hold. The message is one sentence for the user."""

    exit_code = 1


class InputError(VenireError):
    """The user's input is wrong. The message says what, where (file, row, key), and what would be right."""

    exit_code = 2


class ServiceError(VenireError):
    """Something outside this machine failed: a hub, a vendor's API, the network."""

    exit_code = 3
